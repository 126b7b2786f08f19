#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""For lint.sh: the layers and names of the kernel module.

layers: which folder of kmod/ may include what; and no more than three files of a
folder include each other in a circle. names: a function stands alone in a trace or an
oops, so its name is unique in the module and has two words at least; what other files
may call begins with the folder, and documents name none that is gone.

Usage: lint_kmod.py layers|names [DIR]    prints what is wrong; DIR is kmod
"""
import collections
import pathlib
import re
import sys

# Files in kmod/ itself are below all folders but proto/ and packet/; main.c and net.c,
# which put the parts together, are above all
BASE = ["key.h", "pernet.h", "net.h", "stats.h", "table.h", "offload.h"]
ALLOWED = {
    "proto": [],
    "packet": ["key.h", "proto/"],
    "trace": ["key.h", "pernet.h", "proto/"],
    "rule": BASE + ["proto/", "netlink/event.h"],
    "send": BASE + ["proto/", "packet/", "rule/rule.h", "accept/accept.h", "ulp/ulp.h",
                    "netlink/event.h", "trace/state.h"],
    "accept": BASE + ["proto/", "packet/", "rule/rule.h", "send/send.h", "ulp/ulp.h",
                      "netlink/event.h", "trace/state.h"],
    "ulp": BASE + ["proto/", "rule/rule.h", "accept/accept.h", "netlink/event.h",
                   "trace/state.h"],
    "netlink": BASE + ["proto/", "rule/rule.h", "send/send.h", "send/flow.h", "accept/accept.h",
                       "accept/conn.h", "ulp/ulp.h"],
    "main.c": BASE + ["accept/accept.h", "netlink/netlink.h", "ulp/ulp.h"],
    "net.c": BASE + ["accept/accept.h", "rule/rule.h", "send/send.h", "ulp/ulp.h"],
}
# A header for other folders includes nothing above those folders
NARROW = {
    "netlink/event.h": ["key.h", "pernet.h"],
    "send/send.h": ["key.h", "pernet.h"],
    "accept/accept.h": ["key.h", "pernet.h", "proto/", "accept/conn.h"],
    "accept/conn.h": ["key.h", "pernet.h", "proto/"],
    "ulp/ulp.h": ["key.h", "pernet.h", "proto/"],
    "key.h": [],
}
CIRCLE_MAX = 3


def sources(root):
    """Our files, by their path below kmod/."""
    found = {}
    for path in sorted(root.rglob("*.[ch]")):
        name = path.relative_to(root).as_posix()
        if not name.startswith(("compat/", "include/")) and not name.endswith(".mod.c"):
            found[name] = path.read_text(encoding="utf-8")
    return found


def allowed(name):
    if name in NARROW:
        return NARROW[name]
    folder = name.partition("/")[0] if "/" in name else name
    if folder in ALLOWED:
        return ALLOWED[folder] + ([folder + "/"] if "/" in name else [])
    return None if "/" in name else BASE


def circles(graph):
    """Sets of files that reach each other."""
    def reach(start):
        seen, todo = set(), [start]
        while todo:
            for following in graph[todo.pop()] - seen:
                seen.add(following)
                todo.append(following)
        return seen

    ahead = {name: reach(name) for name in graph}
    return {frozenset(other for other in ahead[name] if name in ahead[other])
            for name in graph if name in ahead[name]}


def layers(files):
    graph = collections.defaultdict(set)
    for name, text in files.items():
        may = allowed(name)
        if may is None:
            yield f"kmod/{name}: lint_kmod.py knows no layer of its folder"
            continue
        for included in re.findall(r'^#include "([^"]+)"', text, re.M):
            if included not in files:
                yield f'kmod/{name}: "{included}" is not a path below kmod/'
            elif included not in may and not included.startswith(
                    tuple(path for path in may if path.endswith("/"))):
                yield f'kmod/{name}: must not include "{included}"'
            # Between folders the table above has no circle; a .c and its .h are one here
            here, there = name.rpartition(".")[0], included.rpartition(".")[0]
            if here != there and here.rpartition("/")[0] == there.rpartition("/")[0]:
                graph[here].add(there)
                graph.setdefault(there, set())
    for circle in circles(graph):
        if len(circle) > CIRCLE_MAX:
            yield "include each other in a circle: " + ", ".join(sorted(circle))


def functions(text):
    """Names of the functions that a file defines, each with whether it is static in a .c."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", lambda m: re.sub(r"[^\n]", "", m[0]), text, flags=re.S)
    for found in re.finditer(r"^((?!#)[A-Za-z_][^;={}()\n]*?[ *\n])(\w+)\([^;{}]*\)\n\{",
                             text, re.M):
        yield found[2], "static" in found[1]


def names(files):
    defined = collections.defaultdict(list)
    stems = sorted({name.partition("/")[0].partition(".")[0] for name in files})
    for name, text in files.items():
        for function, static in functions(text):
            defined[function].append(name)
            if static and name.endswith(".c"):
                if len(re.findall(r"[a-z0-9]+", function)) < 2:
                    yield f"kmod/{name}: {function}() is one word: a trace has nothing else to say"
                if function.startswith("pp_"):
                    yield f"kmod/{name}: {function}() is static, and is named as if it were not"
                continue
            folders = [name.partition("/")[0]] if "/" in name else stems
            if not re.match(rf"(__)?pp_({'|'.join(folders)})_[a-z0-9]+", function):
                prefix = folders[0] if "/" in name else "FILE"
                yield f"kmod/{name}: {function}() is not named pp_{prefix}_..."
    for function, where in defined.items():
        if len(where) > 1:
            yield f"{function}() is in " + " and ".join("kmod/" + name for name in where)


def documented(files, root):
    """Names in the documents of functions that do not exist."""
    defined = {function for text in files.values() for function, _ in functions(text)}
    stems = sorted({name.partition("/")[0].partition(".")[0] for name in files})
    programs = {path.stem for path in root.glob("selftests/**/pp_*")}
    for path in sorted([*root.glob("docs/**/*.md"), *root.glob("*.md")]):
        text = path.read_text(encoding="utf-8")
        for name in sorted(set(re.findall(rf"`((?:__)?pp_(?:{'|'.join(stems)})_\w+)", text))):
            if name not in defined and name not in programs:
                yield f"{path}: there is no {name}()"


def main():
    check = {"layers": layers, "names": names}[sys.argv[1]]
    files = sources(pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "kmod"))
    wrong = sorted(check(files))
    if check is names:
        wrong += documented(files, pathlib.Path())
    if not files:
        wrong = ["nothing found to check"]
    print("\n".join(wrong), end="\n" if wrong else "")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
