#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws the CSV of `eigenscape_bench --scaling` as SVG: seconds of a product against images and against parameters.

    build/eigenscape_bench --scaling > scaling.csv && python3 tests/bench/scaling_figure.py scaling.csv docs/images/scaling.svg
"""

import csv
import math
import sys

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, GAP = 328, 250, 58, 34, 46, 16
COLOURS = {"images": "#0072B2", "parameters": "#D55E00"}
TITLES = {"images": "ResNet-20, 3×32×32 images", "parameters": "perceptron 256→h→h→10, 512 images"}


def decades(values):
    return range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)


def power(exponent):
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def panel(rows, varied, left):
    """One pair of logarithmic axes, with the points and the line of slope one through the last of them."""
    xs, ys = [float(row[varied]) for row in rows], [float(row["seconds"]) for row in rows]
    across, up = decades(xs), decades(ys)
    width, height = WIDTH - LEFT - GAP, HEIGHT - TOP - BOTTOM

    def place(x, y):
        return (left + LEFT + width * (math.log10(x) - across[0]) / (across[-1] - across[0]),
                TOP + height * (1 - (math.log10(y) - up[0]) / (up[-1] - up[0])))

    parts = [f'<text x="{left + LEFT}" y="16" font-weight="bold">{TITLES[varied]}</text>']
    for exponent in across:
        x, bottom = place(10.0**exponent, 10.0 ** up[0])
        parts.append(f'<path d="M{x:.1f} {TOP}V{bottom:.1f}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 15:.1f}" text-anchor="middle">{power(exponent)}</text>')
    for exponent in up:
        x, y = place(10.0 ** across[0], 10.0**exponent)
        parts.append(f'<path d="M{x:.1f} {y:.1f}h{width}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{x - 5:.1f}" y="{y + 4:.1f}" text-anchor="end">{power(exponent)}</text>')
    low = max(xs[0], xs[-1] * 10.0 ** up[0] / ys[-1])
    ends = [place(low, ys[-1] * low / xs[-1]), place(xs[-1], ys[-1])]
    parts.append('<path d="M{:.1f} {:.1f}L{:.1f} {:.1f}" stroke="#6b6b6b" stroke-dasharray="5 4"/>'.format(*ends[0], *ends[1]))
    parts.append(f'<text x="{(ends[0][0] + ends[1][0]) / 2 + 12:.1f}" y="{(ends[0][1] + ends[1][1]) / 2 + 22:.1f}" fill="#6b6b6b">linear</text>')
    points = [place(x, y) for x, y in zip(xs, ys)]
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    parts.append(f'<path d="M{line}" fill="none" stroke="{COLOURS[varied]}" stroke-width="1.6"/>')
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[varied]}"/>' for x, y in points]
    middle = TOP + height / 2
    parts.append(f'<text x="{left + LEFT + width / 2:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{varied}</text>')
    parts.append(f'<text transform="translate({left + 16} {middle}) rotate(-90)" text-anchor="middle">product (s)</text>')
    return parts


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="11">',
             '<rect width="100%" height="100%" fill="white"/>']
    for position, varied in enumerate(("images", "parameters")):
        parts += panel([row for row in rows if row["varied"] == varied], varied, position * WIDTH)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write("\n".join(parts + ["</svg>"]) + "\n")


if __name__ == "__main__":
    main()
