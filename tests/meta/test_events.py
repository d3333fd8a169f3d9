"""Every event of the operator's log is in its reference page, and no other is.

An event is the first argument of a call that logs, or an entry of a table whose name ends with
`_EVENT` or `_EVENTS`; nothing else makes one, so that whoever reads the log can look each up.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from workspace import ROOT, short, source_files, tree_of

LOGGING = frozenset(
    {"debug", "info", "warning", "error", "exception", "say", "report", "_report", "_complain"}
)
"""Names of functions and methods that write a line, or hand one on."""
LEVELS = frozenset({"debug", "info", "warning", "error"})
EVENT = re.compile(r"[a-z_]+\.[a-z_]+")
PAGE = ROOT / "docs" / "reference" / "events.md"


def _first_words(call: ast.Call) -> Iterator[str]:
    """The strings that the first two arguments may be: `say` has the level before the event."""
    for argument in call.args[:2]:
        for node in ast.walk(argument) if isinstance(argument, ast.IfExp) else [argument]:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _is_logging(call: ast.Call) -> bool:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in LOGGING
    return False


def _in_tables(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    if any(name.endswith(("_EVENT", "_EVENTS")) for name in names) and node.value is not None:
        for one in ast.walk(node.value):
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                yield one.value


def logged() -> dict[str, set[str]]:
    """Each event, and the files that log it."""
    places: dict[str, set[str]] = {}
    for path in source_files():
        for node in ast.walk(tree_of(path)):
            words = list(_in_tables(node))
            if isinstance(node, ast.Call) and _is_logging(node):
                words += _first_words(node)
            for word in words:
                if EVENT.fullmatch(word):
                    places.setdefault(word, set()).add(short(path))
    return places


def _level(call: ast.Call) -> str | None:
    """The level of a line, where the call names it."""
    match call:
        case ast.Call(func=ast.Name(id="say"), args=[ast.Constant(value=str(level)), *_]):
            return level
        case ast.Call(func=ast.Attribute(attr=name)):
            return {"exception": "error"}.get(name, name if name in LEVELS else None)
    return None


def levels() -> set[tuple[str, str]]:
    """Each event with each level that a call names for it."""
    events = set()
    for path in source_files():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and _is_logging(node) and (level := _level(node)):
                events |= {(word, level) for word in _first_words(node) if EVENT.fullmatch(word)}
    return events


def documented() -> dict[str, str]:
    """The events of the page's tables in their order, with their levels."""
    rows = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| ([a-z, ]+) \|", PAGE.read_text(), re.MULTILINE)
    assert len(rows) == len(dict(rows)), "twice in the page"
    return dict(rows)


def test_the_levels_of_the_page_are_those_of_the_sources():
    page = documented()
    wrong = {(event, level) for event, level in levels() if level not in page.get(event, "")}
    assert not wrong


def test_every_event_is_documented_and_every_documented_one_is_logged():
    sources, page = logged(), documented()
    missing = {event: sorted(files) for event, files in sources.items() if event not in page}
    assert not missing, "not in docs/reference/events.md"
    assert set(page) == set(sources), "documented, but nothing logs it"
