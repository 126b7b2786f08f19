#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Whether specification, uapi header and running kernel say the same.

Usage: compare_spec.py YNL SPEC header HEADER   names and numbers, in both directions
       compare_spec.py YNL SPEC kernel          what the kernel takes in each request: attributes,
                                                types, ranges and lengths

YNL is the directory of vm/fetch_ynl.sh; the specification has to pass the schema there. Prints
each difference; exit status 1 if there is one. "kernel" is for the network namespace it runs in.
"""
import pathlib
import re
import sys

ynl_dir = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(ynl_dir / "tools/net/ynl/pyynl"))
from lib import SpecFamily, YnlFamily  # noqa: E402 pylint: disable=wrong-import-position

WIDTHS = {"u8": 8, "u16": 16, "u32": 32, "u64": 64}
KINDS = {"string": "nul-string", "nest": "nested"}
differences = []


def differ(text):
    differences.append(text)


def c_name(text):
    return text.upper().replace("-", "_")


def header_enums(text):
    """Names and numbers of each enum but its private names."""
    enums = {}
    for name, body in re.findall(r"enum (\w+) \{(.*?)\}", re.sub(r"/\*.*?\*/", "", text, flags=re.S), re.S):
        number, enums[name] = -1, {}
        for entry in filter(None, map(str.strip, body.split(","))):
            word, _, value = (part.strip() for part in entry.partition("="))
            if word.startswith("__") or word.endswith("_MAX"):
                continue
            number = int(value, 0) if value else number + 1
            enums[name][word] = number
    return enums


def spec_enums(spec):
    enums = {}
    for name, item in spec.consts.items():
        if item["type"] == "enum":
            prefix = item.yaml.get("name-prefix", name + "-")
            enums[c_name(item.yaml["enum-name"]).lower()] = {
                c_name(prefix + entry): value.raw_value() for entry, value in item.entries.items()}
    for item in spec.attr_sets.values():
        if "enum-name" in item.yaml:
            enums[c_name(item.yaml["enum-name"]).lower()] = {
                c_name(item.yaml["name-prefix"] + name): attr.value for name, attr in item.items()}
    operations = spec.yaml["operations"]
    enums[c_name(operations["enum-name"]).lower()] = {
        c_name(operations["name-prefix"] + name): message.value for name, message in spec.msgs.items()}
    return enums


def compare_header(spec, text):
    ours, theirs = spec_enums(spec), header_enums(text)
    for name in sorted(ours.keys() | theirs.keys()):
        # Of socket options the specification says nothing
        if name.startswith("pp_so_"):
            continue
        a, b = ours.get(name, {}), theirs.get(name, {})
        for word in sorted(a.keys() | b.keys()):
            if a.get(word) != b.get(word):
                differ(f"enum {name}: {word} is {a.get(word)} in the specification, {b.get(word)} in the header")
    defines = dict(re.findall(r"#define (PP_\w+)\s+(\w+)\b", text))
    consts = {name: item for name, item in spec.consts.items() if item["type"] == "const"}
    for name, item in consts.items():
        found = defines.get("PP_" + c_name(name))
        if found is None or int(found, 0) != item["value"]:
            differ(f"const {name}: {item['value']} in the specification, {found} in the header")
    for word, value in defines.items():
        kept = word.startswith(("PP_SO_", "PP_GENL_")) or not value.isdigit()
        if not kept and word[3:].lower().replace("_", "-") not in consts:
            differ(f"{word} is not in the specification")
    if spec.mcast_groups.keys() != set(re.findall(r'#define PP_GENL_GROUP_\w+\s+"(\w+)"', text)):
        differ("multicast groups")


def limit(spec, value):
    return spec.consts[value]["value"] if isinstance(value, str) else value


def expected_range(spec, attr):
    """Lowest and highest value that the specification allows."""
    checks = attr.yaml.get("checks", {})
    low, high = 0, 2 ** WIDTHS[attr["type"]] - 1
    if "enum" in attr.yaml:
        values = [entry.raw_value() for entry in spec.consts[attr["enum"]].entries.values()]
        low, high = min(values), max(values)
    return limit(spec, checks.get("min", low)), limit(spec, checks.get("max", high))


def compare_attr(spec, path, attr, policy):
    kind = KINDS.get(attr["type"], attr["type"])
    if policy["type"].replace("_", "-") != kind:
        differ(f"{path}: {kind} in the specification, {policy['type']} in the kernel")
        return
    if attr["type"] in WIDTHS:
        want = expected_range(spec, attr)
        got = policy.get("min-value", 0), policy.get("max-value", 2 ** WIDTHS[kind] - 1)
        if want != got:
            differ(f"{path}: {want[0]} to {want[1]} in the specification, {got[0]} to {got[1]} in the kernel")
    elif attr["type"] in ("binary", "string"):
        want = limit(spec, attr.yaml.get("checks", {}).get("max-len"))
        if want != policy.get("max-length"):
            differ(f"{path}: {want} bytes in the specification, {policy.get('max-length')} in the kernel")
    elif attr["type"] == "nest":
        compare_set(spec, path, attr["nested-attributes"], policy.get("policy", {}), None)


def compare_set(spec, path, name, policy, only):
    """@only: the attributes of a request; None: all but those of answers."""
    attrs = spec.attr_sets[name].attrs
    for attr_name in sorted(policy.keys() | {str(key) for key in attrs}):
        attr = attrs.get(attr_name)
        if attr is None:
            differ(f"{path}: the kernel takes {attr_name}")
            continue
        taken = attr_name in only if only is not None else (
            attr["type"] not in ("unused", "pad") and "answer only" not in attr.yaml.get("doc", "").lower())
        if taken != (attr_name in policy):
            differ(f"{path}: the kernel {'does not take' if taken else 'takes'} {attr_name}")
        elif taken:
            compare_attr(spec, f"{path} {attr_name}", attr, policy[attr_name])


def compare_kernel(family):
    for name, op in family.ops.items():
        for mode in ("do", "dump"):
            # The policy of a command is for both; the list of rules takes nothing all the same
            if mode not in op.yaml or (mode == "dump" and "do" in op.yaml):
                continue
            policy = family.get_policy(name, mode)
            if policy is None:
                differ(f"{name}: the kernel has no {mode}")
                continue
            only = op.yaml[mode].get("request", {}).get("attributes", [])
            compare_set(family, name, op.attr_set.name, policy.to_dict(), only)


def main():
    spec, schema = sys.argv[2], str(ynl_dir / "Documentation/netlink/genetlink-legacy.yaml")
    if sys.argv[3] == "header":
        compare_header(SpecFamily(spec, schema), pathlib.Path(sys.argv[4]).read_text(encoding="utf-8"))
    else:
        compare_kernel(YnlFamily(spec, schema))
    for text in differences:
        print(text)
    sys.exit(bool(differences))


if __name__ == "__main__":
    main()
