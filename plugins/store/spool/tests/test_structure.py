"""The map in the package's docstring is true, and no import closes a circle."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import thurn_store_spool

ROOT = Path(thurn_store_spool.__file__).parent
NAME = thurn_store_spool.__name__
PARTS = re.findall(r"^- `(\w+)`", thurn_store_spool.__doc__, re.MULTILINE)
FILES = [path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py"]


def module_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imports_of(path):
    """The modules of this package that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(NAME):
            module = node.module.removeprefix(NAME).removeprefix(".")
            for one in node.names:
                whole = f"{module}.{one.name}".removeprefix(".")
                is_module = (ROOT / whole.replace(".", "/")).with_suffix(".py").exists()
                yield whole if is_module else module


def test_the_map_has_every_part():
    found = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in FILES}
    assert found == set(PARTS)


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_a_part_imports_only_those_below_it(path):
    mine = PARTS.index(module_of(path).partition(".")[0])
    for module in imports_of(path):
        assert PARTS.index(module.partition(".")[0]) >= mine, module


def test_no_import_closes_a_circle():
    order = TopologicalSorter({module_of(path): set(imports_of(path)) for path in FILES})
    assert set(map(module_of, FILES)) <= set(order.static_order())  # or CycleError
