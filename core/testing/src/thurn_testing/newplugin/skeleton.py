"""The class form of a new plugin: a class with the methods of its role's contract, read from the
contract's own source, so that a skeleton is never behind the contract."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Final

PRODUCTS: Final = {
    "listener": ("listener", "Listener"),
    "tls": ("tls", "TlsProvider"),
    "resolver": ("resolver", "Resolver"),
    "account": ("account", "CredentialVerifier", "Directory"),
    "delivery": ("delivery", "DeliveryFilter"),
    "queue": ("queue", "Queue"),
    "transport": ("queue", "Transport"),
    "store": ("store", "MailStore"),
    "guard": ("guard", "Guard"),
    "search": ("search", "SearchIndex"),
    "state": ("state", "State"),
    "service": ("service", "Service"),
}
"""Role: the module of its contract, and the Protocols that its product has."""
OPENED: Final = """\
    def opened(context):
        return {function}.open({function}.settings(), context)

"""
KITS: Final[dict[str, tuple[str, str, str] | None]] = {
    "transport": None,
    "store": (
        "from thurn_testing.contracts.store import check_store",
        OPENED,
        "await check_store(opened, directory=tmp_path)",
    ),
}
"""Roles whose contract takes more than a page: what the test of a skeleton imports, what it opens,
and how it runs the kit of the role. None: the role has no kit."""
EXAMPLES: Final = {
    "store": """\
A store takes many pages, so nothing is written here yet. The example to start from is the plugin
`store.memory` (`plugins/store/memory` of thurn), which keeps all promises in memory. The test runs
the kit already, and expects NotImplementedError: take that line out when the methods are written.\
""",
    "transport": "A transport speaks to another host; its role has no kit.",
}
"""What the skeleton of a role says about where to begin."""
KIT_TEST: Final = """

async def test_it_keeps_the_promises_of_its_role(tmp_path):
"""
UNWRITTEN: Final = "    with pytest.raises(NotImplementedError):  # until the methods are written\n"
LINE_CHARACTERS: Final = 100
"""A longer line is broken, as the formatter would."""

Method = ast.FunctionDef | ast.AsyncFunctionDef


def kit_test(role: str, function: str) -> dict[str, str]:
    """The words for the template of the test: `test_imports` and `kit_test`."""
    kit = KITS[role]
    if kit is None:
        return {"test_imports": "", "kit_test": ""}
    imports, opening, call = kit
    names = f"import pytest\n{imports}\n"
    opening = opening.format(function=function)
    return {"test_imports": names, "kit_test": f"{KIT_TEST}{opening}{UNWRITTEN}        {call}"}


def product_class(role: str) -> dict[str, str]:
    """The words for the template of the product: `methods`, `names` and `imports`."""
    module_name, *protocols = PRODUCTS[role]
    module = import_module(f"thurn.contracts.{module_name}")
    source = inspect.getsource(module)
    tree = ast.parse(source)
    methods = [
        node
        for definition in tree.body
        if isinstance(definition, ast.ClassDef) and definition.name in protocols
        for node in definition.body
        if isinstance(node, Method)
    ]
    return {
        "example": EXAMPLES[role],
        "methods": "\n\n".join(_method(method, source.splitlines()) for method in methods),
        "names": ", ".join(f'"{method.name}"' for method in methods),
        "imports": _imports(tree, module, methods),
    }


def _method(method: Method, lines: list[str]) -> str:
    """The method as the contract has it, with a body that says that it is not written."""
    first = min(node.lineno for node in [method, *method.decorator_list])
    body = f'        raise NotImplementedError("{method.name}")'
    return "\n".join([*lines[first - 1 : method.end_lineno], body])


def _imports(tree: ast.Module, module: ModuleType, methods: list[Method]) -> str:
    """What the signatures need, from where the contract has it."""
    wanted: dict[str, set[str]] = {"thurn.plugin": {"Settings", "plugin"}}
    homes = dict(_homes(tree, module.__name__))
    for name in {"AsyncIterator"} | {word for method in methods for word in _words(method)}:
        if name in homes:
            wanted.setdefault(homes[name], set()).add(name)
    wanted.setdefault("collections.abc", set()).add("AsyncIterator")
    wanted.setdefault("contextlib", set()).add("asynccontextmanager")
    groups: list[list[str]] = [[], []]
    for home, names in sorted(wanted.items()):
        line = f"from {home} import {', '.join(sorted(names))}"
        if len(line) > LINE_CHARACTERS:
            listed = "".join(f"    {name},\n" for name in sorted(names))
            line = f"from {home} import (\n{listed})"
        groups[home.startswith("thurn")].append(line)
    return "\n\n".join("\n".join(group) for group in groups)


def _homes(tree: ast.Module, own: str) -> Iterator[tuple[str, str]]:
    """Where each name of a contract's module comes from."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((alias.name, node.module) for alias in node.names)
        elif isinstance(node, ast.ClassDef):
            yield node.name, own
        elif isinstance(node, ast.AnnAssign | ast.Assign):
            targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
            yield from ((target.id, own) for target in targets if isinstance(target, ast.Name))


def _words(method: Method) -> set[str]:
    """The identifiers of a signature."""
    returns = ast.unparse(method.returns) if method.returns else ""
    return set(re.findall(r"[A-Za-z_]\w*", f"{ast.unparse(method.args)} {returns}"))
