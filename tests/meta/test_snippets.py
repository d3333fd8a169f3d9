"""The examples in docstrings and pages are right: they run, or at least call what there is."""

from __future__ import annotations

import ast
import builtins
import doctest
import inspect
import sys
import types
from importlib import import_module

import pytest
import trio
from snippets import KNOWN, SETUPS, STAND_INS, doctest_modules, of_docstrings, of_pages

DOCSTRINGS, PAGES = list(of_docstrings()), list(of_pages())
AWAITING = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@pytest.mark.parametrize("name", doctest_modules())
def test_what_a_session_shows_is_what_happens(name):
    failed, tried = doctest.testmod(import_module(name), raise_on_error=False)
    assert (failed, tried > 0) == (0, True)


def _run(text, tmp_path):
    """Run statements that may await, in a module of their own."""
    module = types.ModuleType("example")
    module.__file__ = str(tmp_path / "example.py")
    vars(module)["tmp_path"] = tmp_path
    sys.modules["example"] = module  # where annotations are looked up

    async def main():
        result = eval(compile(text, "example", "exec", AWAITING), vars(module))
        if inspect.iscoroutine(result):
            await result

    try:
        trio.run(main)
    finally:
        del sys.modules["example"]


@pytest.mark.parametrize("example", PAGES, ids=lambda one: one.place)
def test_the_examples_of_a_page_run(example, tmp_path):
    _run(SETUPS.get(example.place, "") + "\n" + example.text, tmp_path)


def test_setups_and_pages_agree():
    assert set(SETUPS) <= {one.place for one in PAGES}


def _names(tree):
    """The names that an example reads, and those that it makes."""
    read, defined = set(), set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(name, ast.Load()):
                read.add(name)
            case ast.Name(name) | ast.arg(name) | ast.ClassDef(name) | ast.ExceptHandler(name=name):
                defined.add(name)
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name):
                defined.add(name)
            case ast.Import(names) | ast.ImportFrom(names=names):
                defined.update(one.asname or one.name for one in names)
    return read, defined


def _calls(tree, defined, known):
    """The calls of what is known, each with what is called."""
    for node in ast.walk(tree):
        first = node.func if isinstance(node, ast.Call) else None
        while isinstance(first, ast.Attribute):
            first = first.value
        if isinstance(first, ast.Name) and first.id not in defined | STAND_INS:
            called = eval(ast.unparse(node.func), known)
            if called is not type(called):
                yield node, called


@pytest.mark.parametrize("example", DOCSTRINGS, ids=lambda one: one.place)
def test_an_example_of_a_docstring_calls_what_there_is(example):
    tree = compile(example.text, example.place, "exec", ast.PyCF_ONLY_AST | AWAITING)
    read, defined = _names(tree)
    known = _known(example.module)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            known |= {one.name: getattr(import_module(node.module), one.name) for one in node.names}
            defined -= {one.name for one in node.names}
    assert not read - defined - STAND_INS - set(known)
    for node, called in _calls(tree, defined, known):
        named = {one.arg: None for one in node.keywords}
        if getattr(called, "__module__", "") in sys.stdlib_module_names | {"builtins"}:
            continue
        try:
            inspect.signature(called).bind(*[None] * len(node.args), **named)
        except TypeError as error:
            pytest.fail(f"{ast.unparse(node)}: {error}")


def _known(module):
    """The names that an example may use: the module's own first."""
    known = {}
    for name in [*reversed(KNOWN), module]:
        known |= vars(import_module(name))
    return {**vars(builtins), **known}


def test_there_are_examples():
    assert len(DOCSTRINGS) > 25
    assert len(PAGES) >= 5
