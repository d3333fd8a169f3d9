"""Draws charts as SVG in the page: no script, nothing to fetch, the colours of the page.

A chart stands in a box that scrolls sideways where the page is narrower than the picture. Texts are
measured by a table of rough widths; the fonts are the reader's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from textwrap import wrap

import charts
import layered
from layered import Placed, Size, Spot

FENCE = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FONT = 12.0
LINE = 15.0
LABEL_CHARACTERS = 16
TEXT_CHARACTERS = 20
BETWEEN_LAYERS = 16.0
MARGIN = 8.0
LOOP = 22.0
SMALLEST = 0.75
"""Smallest scale of a picture before its box scrolls instead: its letters have 9 px then."""
NARROW, WIDE = set("iljtfrI.,:; '()"), set("mwMW@")


def draw_fences(markdown: str) -> str:
    """The page with a picture in place of each chart."""
    return FENCE.sub(lambda match: picture(match[1]), markdown)


def picture(source: str) -> str:
    """A chart as an SVG of one block of HTML."""
    chart = charts.read(source)
    loops = {a: label for a, b, label in chart.arrows if a == b}
    arrows = [arrow for arrow in chart.arrows if arrow[0] != arrow[1]]
    texts = {name: _lines(text, TEXT_CHARACTERS) for name, (_, text) in chart.nodes.items()}
    sizes = {n: _node_size(shape, texts[n]) for n, (shape, _) in chart.nodes.items()}
    rings = {name: _lines(label, 2 * LABEL_CHARACTERS) for name, label in loops.items()}
    roomy = {
        n: (w + 2 * (n in loops) * _loop_width(rings.get(n, [""])), h)
        for n, (w, h) in sizes.items()
    }
    labels = [_lines(label, LABEL_CHARACTERS) for _, _, label in arrows]
    rooms = [(*arrow[:2], _label_size(lines)) for arrow, lines in zip(arrows, labels, strict=True)]
    placed = layered.place(roomy, rooms)
    tops, height = _tops(placed)
    for name, spot in placed.nodes.items():
        spot.width = sizes[name][0]
    parts = [*_arrows(placed, tops, labels, {n: s for n, (s, _) in chart.nodes.items()})]
    for name, (shape, _) in chart.nodes.items():
        spot = placed.nodes[name]
        parts.append(_node(shape, spot, tops[spot.layer][0], texts[name]))
        if name in loops:
            parts.append(_loop(spot, tops[spot.layer][0], rings[name]))
    return _svg(parts, placed, roomy, height)


def _svg(parts: Sequence[str], placed: Placed, roomy: dict[str, Size], height: float) -> str:
    spots = [(s.x, s.width) for layer in placed.layers for s in layer]
    spots += [(placed.nodes[name].x, width) for name, (width, _) in roomy.items()]
    left = min(x - width / 2 for x, width in spots) - MARGIN
    width = max(x + width / 2 for x, width in spots) + MARGIN - left
    size = f'viewBox="{left:.0f} 0 {width:.0f} {height:.0f}"'
    described = f'role="img" aria-label="{escape(", ".join(n.strip("()") for n in placed.nodes))}"'
    style = f"font:{FONT:g}px system-ui,sans-serif;text-anchor:middle;display:block;margin:auto;"
    style += f"width:100%;height:auto;max-width:{width:.0f}px;min-width:{width * SMALLEST:.0f}px"
    inner = "".join(parts)
    return (
        '<div class="diagram" style="overflow-x:auto;margin:1em 0">'
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {described} style="{style}">'
        f'<g fill="none" stroke="currentColor">{inner}</g></svg></div>'
    )


def _width(text: str) -> float:
    """Roughly the width of a text in a sans-serif font."""
    units = (
        0.33 if c in NARROW else 0.9 if c in WIDE else 0.7 if c.isupper() or c == "_" else 0.56
        for c in text
    )
    return sum(units) * FONT


def _lines(text: str, characters: int) -> list[str]:
    return wrap(text, characters, break_long_words=False) if text else []


def _label_size(lines: Sequence[str]) -> Size:
    return (max(map(_width, lines)) + 8, LINE * len(lines) + 4) if lines else (4.0, 0.0)


def _loop_width(lines: Sequence[str]) -> float:
    return LOOP + max(map(_width, lines)) + 4


def _node_size(shape: charts.Shape, lines: Sequence[str]) -> Size:
    if shape in {"start", "end"}:
        return 14.0, 14.0
    width, height = max(map(_width, lines)), LINE * len(lines)
    return (
        (width * 1.5 + 40, height * 1.5 + 26) if shape == "question" else (width + 22, height + 14)
    )


def _tops(placed: Placed) -> tuple[list[tuple[float, float]], float]:
    """Top and bottom of each layer, and the height of all."""
    tops, y = [], MARGIN
    for layer in placed.layers:
        height = max(spot.height for spot in layer)
        tops.append((y, y + height))
        y += height + BETWEEN_LAYERS
    return tops, y - BETWEEN_LAYERS + MARGIN


def _text(x: float, y: float, lines: Sequence[str]) -> str:
    first = y - LINE * (len(lines) - 1) / 2 + FONT * 0.35
    rows = "".join(
        f'<text x="{x:.1f}" y="{first + LINE * i:.1f}">{escape(line)}</text>'
        for i, line in enumerate(lines)
    )
    return f'<g fill="currentColor" stroke="none">{rows}</g>'


def _node(shape: charts.Shape, spot: Spot, top: float, lines: Sequence[str]) -> str:
    x, y, w, h = spot.x, top + spot.height / 2, spot.width / 2, spot.height / 2
    if shape in {"start", "end"}:
        ring = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7"/>' if shape == "end" else ""
        return (
            f'{ring}<circle cx="{x:.1f}" cy="{y:.1f}" r="{4 if ring else 6}" fill="currentColor"/>'
        )
    tint = 'fill="currentColor" fill-opacity=".06"'
    if shape == "question":
        points = f"{x - w:.1f},{y:.1f} {x:.1f},{y - h:.1f} {x + w:.1f},{y:.1f} {x:.1f},{y + h:.1f}"
        outline = f'<polygon points="{points}" {tint}/>'
    else:
        radius = 9 if shape == "state" else 2
        outline = (
            f'<rect x="{x - w:.1f}" y="{y - h:.1f}" width="{2 * w:.1f}" height="{2 * h:.1f}" '
            f'rx="{radius}" {tint}/>'
        )
    return outline + _text(x, y, lines)


def _loop(spot: Spot, top: float, lines: Sequence[str]) -> str:
    x, y = spot.x + spot.width / 2, top + spot.height / 2
    path = f"M{x:.1f} {y - 7:.1f}c{LOOP:g} -10 {LOOP:g} 24 0 14"
    return (
        f'<path d="{path}"/>{_head(x, y + 7, -1.0, -0.35)}'
        f"{_text(x + LOOP + max(map(_width, lines)) / 2, y, lines)}"
    )


def _head(x: float, y: float, dx: float, dy: float) -> str:
    """An arrow's head at a point, in the direction given."""
    length = (dx * dx + dy * dy) ** 0.5
    dx, dy = dx / length, dy / length
    corners = [
        (x, y),
        (x - 8 * dx - 3.5 * dy, y - 8 * dy + 3.5 * dx),
        (x - 8 * dx + 3.5 * dy, y - 8 * dy - 3.5 * dx),
    ]
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)
    return f'<polygon points="{points}" fill="currentColor" stroke="none"/>'


def _arrows(
    placed: Placed,
    tops: Sequence[tuple[float, float]],
    labels: Sequence[list[str]],
    shapes: dict[str, charts.Shape],
) -> Iterator[str]:
    """All lines, then all labels, so that no line runs through a label."""
    ports = _ports(placed)
    kinds = {placed.nodes[name]: shape for name, shape in shapes.items()}
    words = []
    for index, chain in enumerate(placed.chains):
        points = [_port(chain[0], tops, ports[index][0], kinds[chain[0]], side=1)]
        for spot in chain[1:-1]:
            upper, lower = tops[spot.layer]
            points += [(spot.x, upper), (spot.x, lower)]
        points.append(_port(chain[-1], tops, ports[index][1], kinds[chain[-1]], side=-1))
        yield f'<path d="{_curve(points)}"/>'
        back = placed.turned[index]
        yield _head(*points[0], 0, -1) if back else _head(*points[-1], 0, 1)
        if labels[index]:
            spot = max(chain[1:-1], key=lambda s: s.height)
            words.append(_label(spot, tops, labels[index]))
    yield from words


def _label(spot: Spot, tops: Sequence[tuple[float, float]], lines: Sequence[str]) -> str:
    upper, lower = tops[spot.layer]
    y = (upper + lower) / 2
    return (
        f'<rect x="{spot.x - spot.width / 2 + 2:.1f}" y="{y - spot.height / 2 + 1:.1f}" '
        f'width="{spot.width - 4:.1f}" height="{spot.height - 2:.1f}" stroke="none" '
        f'style="fill:var(--md-default-bg-color,#fff)"/>{_text(spot.x, y, lines)}'
    )


def _curve(points: Sequence[tuple[float, float]]) -> str:
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x, y), (to_x, to_y) in pairwise(points):
        if abs(x - to_x) < 0.5:
            parts.append(f"L{to_x:.1f} {to_y:.1f}")
        else:
            middle = (y + to_y) / 2
            parts.append(f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}")
    return "".join(parts)


def _ports(placed: Placed) -> list[list[float]]:
    """For each arrow, the distances from the middles of its nodes at which it begins and ends."""
    ports = [[0.0, 0.0] for _ in placed.chains]
    for spot in placed.nodes.values():
        for end, beside in ((0, 1), (-1, -2)):
            chains = enumerate(placed.chains)
            here = sorted((chain[beside].x, i) for i, chain in chains if chain[end] is spot)
            step = min(16.0, (spot.width - 16) / max(len(here), 1))
            for place, (_, index) in enumerate(here):
                ports[index][end] = (place - (len(here) - 1) / 2) * step
    return ports


def _port(
    spot: Spot, tops: Sequence[tuple[float, float]], shift: float, shape: charts.Shape, *, side: int
) -> tuple[float, float]:
    """A point on the lower (side 1) or the upper (side -1) edge of a node."""
    half = spot.height / 2
    if shape == "question":
        half *= 1 - abs(shift) / (spot.width / 2)
    return spot.x + shift, tops[spot.layer][0] + spot.height / 2 + side * half


__all__ = ["draw_fences", "picture"]
