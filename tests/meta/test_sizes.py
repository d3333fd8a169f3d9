"""Files and functions stay small; the core of the host stays readable in an afternoon."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from workspace import ROOT, short, source_files, tracked_files, tree_of

FILE_LINES = 800
FUNCTION_LINES = 60
PUBLIC = ("types", "contracts", "hooks", "plugin")  # the vocabulary that every plugin reads
MACHINERY_LINES = 6000
PUBLIC_LINES = 3000
"""Of `core/thurn`, without blank lines, comments and docstrings. Declarations cost a reader little;
what runs is what has to be understood in an afternoon."""

LONG_FILES: frozenset[str] = frozenset()
LONG_FUNCTIONS: frozenset[str] = frozenset()
"""Exceptions; they may only shrink."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _docstring(node: ast.AST) -> ast.Expr | None:
    body = getattr(node, "body", None)
    first = body[0] if isinstance(body, list) and body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return first if isinstance(first.value.value, str) else None
    return None


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, Function):
            docstring = _docstring(node)
            yield (
                f"{short(path)}:{node.name}",
                _lines(node) - (_lines(docstring) if docstring else 0),
            )


def _python_files() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".py"] + [ROOT / "do"]


def test_no_file_is_long():
    long = {short(p) for p in _python_files() if len(p.read_text().splitlines()) > FILE_LINES}
    assert long == LONG_FILES


def test_no_function_is_long():
    found = [item for path in source_files() for item in _functions(path)]
    assert {name for name, lines in found if lines > FUNCTION_LINES} == LONG_FUNCTIONS


def code_lines(path: Path) -> int:
    """Lines that hold code: no blank ones, no comments, no docstrings or attribute docs."""
    tree = tree_of(path)
    prose: set[int] = set()
    for node in ast.walk(tree):
        for child in node.body if isinstance(getattr(node, "body", None), list) else []:
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                prose.update(range(child.lineno, (child.end_lineno or child.lineno) + 1))
    return sum(
        1
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#") and number not in prose
    )


def test_the_host_is_small(record_property):
    host = ROOT / "core" / "thurn" / "src"
    folders = Counter()
    for path in host.rglob("*.py"):
        folders[path.relative_to(host / "thurn").parts[0]] += code_lines(path)
    public = sum(folders.pop(name, 0) for name in PUBLIC)
    text = f"core/thurn: {public} lines of vocabulary, {folders.total()} of machinery"
    print(f"{text}: {dict(folders)}")  # noqa: T201 - shown by -s and when it fails
    record_property("host_code_lines", folders.total())
    assert folders.total() <= MACHINERY_LINES
    assert public <= PUBLIC_LINES
