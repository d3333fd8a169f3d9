"""Reads the charts of the documentation: the part of Mermaid that they use, nothing more.

A chart is `stateDiagram-v2` (`A --> B : label`, `[*]` for the ends) or `flowchart TD` (boxes
`A[text]`, questions `A{text}`, arrows `-->` and `-- label -->`, several in a line). A line that is
not of these forms is an error that quotes it, so that no page shows half a picture.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

Shape = Literal["box", "question", "state", "start", "end"]
STATE_ARROW = re.compile(r"(\[\*\]|\w+) --> (\[\*\]|\w+)(?: : (.+))?")
FLOW_NODE = re.compile(r"(\w+)(?:([\[{])([^\]}]+)[\]}])?")
FLOW_ARROW = re.compile(r" (?:-- (.+?) )?--> ")


@dataclass(slots=True)
class Chart:
    """What is drawn: nodes in the order of their first mention, and arrows between them."""

    nodes: dict[str, tuple[Shape, str]] = field(default_factory=dict)
    arrows: list[tuple[str, str, str]] = field(default_factory=list)


def read(source: str) -> Chart:
    """The chart that a fence describes.

    Raises:
        ValueError: A line is not of the forms above.
    """
    kind, *lines = [line.strip() for line in source.strip().splitlines()]
    readers = {"stateDiagram-v2": _state_line, "flowchart TD": _flow_line}
    if kind not in readers:
        raise ValueError(f"not a chart that docs/hooks/charts.py draws: {kind!r}")
    chart = Chart()
    for line in lines:
        if line:
            readers[kind](chart, line)
    return chart


def _state_line(chart: Chart, line: str) -> None:
    match = STATE_ARROW.fullmatch(line)
    if match is None:
        raise ValueError(f"not an arrow of a state diagram: {line!r}")
    before = "(start)" if match[1] == "[*]" else match[1]
    after = "(end)" if match[2] == "[*]" else match[2]
    for name in (before, after):
        shapes: dict[str, Shape] = {"(start)": "start", "(end)": "end"}
        chart.nodes.setdefault(name, (shapes.get(name, "state"), name.strip("()")))
    chart.arrows.append((before, after, match[3] or ""))


def _flow_line(chart: Chart, line: str) -> None:
    before, label, place = "", "", 0
    while True:
        node = FLOW_NODE.match(line, place)
        if node is None:
            raise ValueError(f"not a node at column {place + 1} of a flow chart: {line!r}")
        name = node[1]
        if node[2]:
            chart.nodes[name] = ("question" if node[2] == "{" else "box", node[3])
        chart.nodes.setdefault(name, ("box", name))
        if before:
            chart.arrows.append((before, name, label))
        if node.end() == len(line):
            return
        arrow = FLOW_ARROW.match(line, node.end())
        if arrow is None:
            raise ValueError(f"not an arrow at column {node.end() + 1} of a flow chart: {line!r}")
        before, label, place = name, arrow[1] or "", arrow.end()
