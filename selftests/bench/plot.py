#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Draws what the benchmarks measured.

Usage: plot.py DIRECTORY OUT

Reads bench_*.json in DIRECTORY and writes an SVG for each question to OUT: bars
for ratios, with whiskers from the least to the most, and lines over a logarithmic
axis for figures that may grow. Missing figures are not drawn. No other package is needed.
"""

import json
import math
import pathlib
import sys
from xml.sax.saxutils import escape

WIDTH = 720
# Legible on white and on black, and without colour vision
COLOURS = ["#3b82c4", "#d97706", "#2a9d6f", "#b4508f", "#8a8a8a", "#7a6cc4"]
INK = "#808080"
STYLE = f"""<style>
text {{ font: 13px sans-serif; fill: {INK}; }}
.title {{ font-weight: bold; }}
.axis {{ stroke: {INK}; stroke-width: 1; fill: none; }}
.grid {{ stroke: {INK}; stroke-width: 1; opacity: 0.25; }}
</style>"""


class Drawing:
    """Elements of an SVG, and its file."""

    def __init__(self, height):
        self.height = height
        self.parts = []

    def text(self, x, y, words, anchor="start", kind=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
                          f'class="{kind}">{escape(words)}</text>')

    def line(self, x1, y1, x2, y2, kind="axis"):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                          f'class="{kind}"/>')

    def rect(self, x, y, width, height, colour):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
                          f'height="{height:.1f}" fill="{colour}"/>')

    def path(self, points, colour):
        steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{steps}" fill="none" stroke="{colour}" '
                          'stroke-width="2"/>')
        for x, y in points:
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')

    def save(self, path):
        path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
                        f'height="{self.height}" viewBox="0 0 {WIDTH} {self.height}">\n'
                        '<!-- SPDX-License-Identifier: GPL-2.0 -->\n'
                        + STYLE + "\n" + "\n".join(self.parts) + "\n</svg>\n")


def ticks(most, count=5):
    """Round numbers from 0 up to the first that is not below most."""
    step = 10 ** math.floor(math.log10(most / count))
    for factor in (1, 2, 2.5, 5, 10):
        if step * factor * count >= most:
            step *= factor
            break
    return [step * i for i in range(math.ceil(most / step - 1e-9) + 1)]


def number(value):
    return f"{value:,.10g}"


def bars(path, title, unit, rows, goal=None):
    """rows: (name, {median, min, max}), each a bar; goal: a line across them."""
    left, right, top, each = 250, 70, 40, 28
    bottom = top + each * len(rows)
    drawing = Drawing(bottom + 46)
    marks = ticks(max([spread["high"] for _, spread in rows] + [goal or 0]))
    scale = (WIDTH - left - right) / marks[-1]
    drawing.text(10, 20, title, kind="title")
    for mark in marks:
        x = left + mark * scale
        drawing.line(x, top, x, bottom, "grid")
        drawing.text(x, bottom + 18, number(mark), "middle")
    for i, (name, spread) in enumerate(rows):
        y = top + each * i
        middle = y + each / 2
        end = left + spread["median"] * scale
        low, high = left + spread["low"] * scale, left + spread["high"] * scale
        drawing.text(left - 8, middle + 4, name, "end")
        drawing.rect(left, y + 5, end - left, each - 10, COLOURS[0])
        drawing.line(low, middle, high, middle)
        drawing.line(low, middle - 4, low, middle + 4)
        drawing.line(high, middle - 4, high, middle + 4)
        drawing.text(high + 6, middle + 4, f"{spread['median']:.3g}")
    if goal:
        x = left + goal * scale
        drawing.parts.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" '
                             f'stroke="{COLOURS[1]}" stroke-width="2" stroke-dasharray="5 4"/>')
    drawing.line(left, top, left, bottom)
    drawing.text((left + WIDTH - right) / 2, bottom + 38,
                 unit + (f" (dashed: goal, {number(goal)})" if goal else ""), "middle")
    drawing.save(path)


def lines(path, title, unit, what, series):
    """series: (name, [(x, y)]) over a logarithmic axis; 0 stands left of it."""
    left, top, bottom, right = 70, 40, 300, WIDTH - 190
    drawing = Drawing(350)
    most_x = max(x for _, points in series for x, _ in points)
    marks = ticks(max(y for _, points in series for _, y in points))
    # 0 is where a tenth would be
    decades = math.ceil(math.log10(most_x)) + 1

    def at(x, y):
        place = math.log10(x) + 1 if x else 0
        return (left + place * (right - left) / decades,
                bottom - y * (bottom - top) / marks[-1])

    drawing.text(10, 20, f"{title}, {unit}", kind="title")
    for mark in marks:
        y = at(0, mark)[1]
        drawing.line(left, y, right, y, "grid")
        drawing.text(left - 8, y + 4, number(mark), "end")
    for x in [0] + [10 ** i for i in range(decades)]:
        place = at(x, 0)[0]
        drawing.line(place, bottom, place, bottom + 5)
        drawing.text(place, bottom + 20, number(x), "middle")
    drawing.line(left, bottom, right, bottom)
    drawing.line(left, top, left, bottom)
    drawing.text((left + right) / 2, bottom + 40, what, "middle")
    # names beside the last point, not on top of each other
    taken = bottom + 100
    for i, (name, points) in sorted(enumerate(series), key=lambda item: item[1][1][-1][1]):
        colour = COLOURS[i % len(COLOURS)]
        spots = [at(x, y) for x, y in points]
        drawing.path(spots, colour)
        taken = min(spots[-1][1] + 4, taken - 17)
        drawing.rect(right + 8, taken - 9, 10, 10, colour)
        drawing.text(right + 24, taken, name)
    drawing.save(path)


NAMES = {
    "routing": "plain routing", "nat": "NAT", "send": "NAT, send rule v2",
    "send-v1": "NAT, send rule v1", "send-tlv": "NAT, send rule, TLVs",
    "haproxy": "HAProxy", "nginx": "nginx stream", "flowtable": "NAT, flowtable",
    "send-flowtable": "NAT, flowtable, send rule", "accept": "accept rule",
}


def plot_send(data, out):
    against = data["ratios"]["nat"]
    bars(out / "send-rate.svg", "Short connections per second, against NAT alone", "ratio",
         [(NAMES[m], v["rate"]) for m, v in against.items()], 0.98)
    bars(out / "send-cpu.svg", "Work of the load balancer for a connection, against HAProxy",
         "ratio", [(NAMES[m], v["lb_us"]) for m, v in data["ratios"]["haproxy"].items()
                   if m != "routing"], 0.2)


def plot_accept(data, out):
    names = {"none": "no header", "nginx": "nginx reads it", "socket": "attached by socket",
             "mmproxy": "go-mmproxy", "haproxy": "HAProxy accept-proxy"}
    rule = data["ratios"].get("module")
    if not rule:
        return
    bars(out / "accept-rate.svg", "Accept rule: short connections per second, against", "ratio",
         [(names[m], v["rate"]) for m, v in rule["short"].items()], 1)
    bars(out / "accept-bytes.svg", "Accept rule: throughput of long responses, against", "ratio",
         [(names[m], v["mb_per_s"]) for m, v in rule["long"].items()], 0.97)


def plot_bytes(data, out):
    rows = []
    for way, label in (("get", "down"), ("put", "up")):
        for mode, value in data["ways"][way].items():
            if mode not in ("routing", "nat"):
                rows.append((f"{NAMES[mode]}, {label}", value["rate_ratio"]))
    bars(out / "bytes.svg", "Throughput, against the same way without the module", "ratio", rows, 1)


def plot_latency(data, out):
    rows = []
    for loss, modes in data["losses"].items():
        rows += [(f"{NAMES[m]}, {loss} % loss",
                  {k: x / 1000 for k, x in v["first_p50_us"].items()}) for m, v in modes.items()]
    bars(out / "latency.svg", "connect() to the first byte, median connection", "ms", rows)


def plot_idle(data, out):
    names = {"loaded": "module, no rule", "send": "1,000 send rules for others",
             "accept": "accept rule for others", "both": "both"}
    rows = [(f"{label}: {what}", data["modes"][m][key]["ratio"]) for m, label in names.items()
            for key, what in (("rate", "connections"), ("mb_per_s", "bytes"))]
    bars(out / "idle.svg", "Traffic without a rule, against no module", "ratio", rows, 0.99)


def plot_scale(data, out):
    def cost(what, case, step):
        return [(n["number"], n["cost"][step]["median"]) for n in data["what"][what][case]]

    unit = data["unit"]
    lines(out / "scale-rules.svg", "A SYN that is forwarded", unit, "send rules",
          [("with a rule for it", cost("rules", "tagged", "syn")),
           ("without", cost("rules", "untagged", "syn"))])
    lines(out / "scale-handshakes.svg", "Packets", unit, "send handshakes in progress",
          [("SYN, rule", cost("handshakes", "tagged", "syn")),
           ("last ACK, rule", cost("handshakes", "tagged", "ack")),
           ("SYN, no rule", cost("handshakes", "untagged", "syn")),
           ("data, no rule", cost("handshakes", "untagged", "request"))])
    lines(out / "scale-flows.svg", "Packets", unit, "accepted connections",
          [("SYN, rule", cost("flows", "accepted", "syn")),
           ("data, accepted", cost("flows", "accepted", "request")),
           ("data, no rule", cost("flows", "other", "request"))])


def plot_packets(data, out):
    names = {"send": "send rule, v2", "send-v1": "send rule, v1",
             "send-tlv": "send rule, v2 with TLVs", "send-first": "send rule, v2, client first",
             "accept": "accept rule", "accept-first": "accept rule, client first"}
    bars(out / "packets.svg", "What a rule adds to a connection that is forwarded", data["unit"],
         [(names[m], data["modes"][m]["total"]["more"]) for m in names if m in data["modes"]])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for name, plot in (("send", plot_send), ("accept", plot_accept), ("bytes", plot_bytes),
                       ("latency", plot_latency), ("idle", plot_idle), ("scale", plot_scale),
                       ("packets", plot_packets)):
        path = source / f"bench_{name}.json"
        if path.exists():
            plot(json.loads(path.read_text()), out)


if __name__ == "__main__":
    main()
