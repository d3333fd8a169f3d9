"""Files and functions stay small; the host stays readable in an afternoon.

Rules of this file: sizes are counted in statements of the syntax tree, so that nothing is gained by
packing lines. Formatting is ruff's; `fmt: skip` stands at tables only.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from workspace import ROOT, short, source_files, tracked_files, tree_of

FILE_STATEMENTS = 400
FUNCTION_STATEMENTS = 40
PUBLIC = ("types", "contracts", "hooks", "plugin")
"""The vocabulary that every plugin reads: declarations, which cost a reader little."""
MACHINERY_STATEMENTS = 8500
"""The rest of the host: an afternoon, at a statement in two seconds."""
PUBLIC_STATEMENTS = 3000

LARGE_FILES: frozenset[str] = frozenset()
LARGE_FUNCTIONS: frozenset[str] = frozenset()
"""Exceptions; they may only shrink."""

TABLE_ROWS = 3
"""Rows from which a literal is a table, where columns may be aligned by hand."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def statements(node: ast.AST) -> int:
    """The number of statements below a node, without docstrings and texts below attributes."""
    return sum(
        isinstance(child, ast.stmt) and not _is_text(child)
        for child in ast.walk(node)
        if child is not node
    )


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, Function):
            yield f"{short(path)}:{node.name}", statements(node)


def _python_files() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".py"] + [ROOT / "do"]


def test_no_file_is_large():
    sizes = {short(path): statements(tree_of(path)) for path in _python_files()}
    assert {name for name, size in sizes.items() if size > FILE_STATEMENTS} == LARGE_FILES


def test_no_function_is_large():
    sizes = [item for path in source_files() for item in _functions(path)]
    assert {name for name, size in sizes if size > FUNCTION_STATEMENTS} == LARGE_FUNCTIONS


def test_the_host_is_small(record_property):
    host = ROOT / "core" / "thurn" / "src"
    folders: Counter[str] = Counter()
    for path in host.rglob("*.py"):
        folders[path.relative_to(host / "thurn").parts[0]] += statements(tree_of(path))
    public = sum(folders.pop(name, 0) for name in PUBLIC)
    text = f"core/thurn: {public} statements of vocabulary, {folders.total()} of machinery"
    print(f"{text}: {dict(folders)}")  # noqa: T201 - shown by -s and when it fails
    record_property("host_statements", folders.total())
    assert folders.total() <= MACHINERY_STATEMENTS
    assert public <= PUBLIC_STATEMENTS


def _is_row(node: ast.expr) -> bool:
    return isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict | ast.Call)


def is_table(node: ast.AST) -> bool:
    """A literal of at least three rows that have columns themselves."""
    match node:
        case ast.List(elts=rows) | ast.Tuple(elts=rows) | ast.Set(elts=rows):
            return len(rows) >= TABLE_ROWS and all(map(_is_row, rows))
        case ast.Dict(values=rows):
            return len(rows) >= TABLE_ROWS and sum(map(_is_row, rows)) * 2 >= len(rows)
    return False


def _table_ends(tree: ast.Module) -> set[int]:
    """Last lines of statements and decorators that contain a table."""
    spans: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, Function):
            spans += node.decorator_list
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.Return | ast.Expr) and node.value:
            spans.append(node.value)
        elif isinstance(node, ast.For):
            spans.append(node.iter)
    return {span.end_lineno or 0 for span in spans if any(map(is_table, ast.walk(span)))}


def test_formatting_is_skipped_at_tables_only():
    elsewhere = []
    mark = "# fmt: " + "skip"
    for path in _python_files():
        text = path.read_text()
        if mark not in text and "# fmt: " + "off" not in text:
            continue
        ends = _table_ends(tree_of(path))
        elsewhere += [
            f"{short(path)}:{number}"
            for number, line in enumerate(text.splitlines(), 1)
            if "# fmt: " in line and number not in ends
        ]
    assert not elsewhere
