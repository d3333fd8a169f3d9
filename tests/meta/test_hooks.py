"""Hooks, contracts and the façade: each is explained, and each is in the reference."""

from __future__ import annotations

import inspect
import re
from importlib import import_module

import pytest
from workspace import ROOT, tree_of

REFERENCE = ROOT / "docs" / "reference"
CONTRACTS = ROOT / "core" / "thurn" / "src" / "thurn" / "contracts"
HOOK = "thurn_register_"


def _specs() -> dict[str, object]:
    specs = import_module("thurn.hooks.specs").RoleSpecs
    return {name: value for name, value in vars(specs).items() if name.startswith("thurn_")}


def _directives(page: str) -> set[str]:
    return set(re.findall(r"^::: (\S+)", (REFERENCE / page).read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", _specs())
def test_a_hook_says_what_it_is_asked_for(name):
    documentation = inspect.getdoc(_specs()[name]) or ""
    assert documentation.rstrip().endswith(".")
    if name.startswith(HOOK):
        assert re.search(r"products (are|have) ", documentation)


def test_every_role_is_on_the_map_of_the_plugins():
    text = (ROOT / "plugins" / "README.md").read_text()
    for name in _specs():
        if name.startswith(HOOK):
            assert f"`{name.removeprefix(HOOK)}`" in text, name


def test_every_product_that_a_hook_names_is_a_contract():
    defined = {
        node.name
        for path in CONTRACTS.glob("*.py")
        for node in tree_of(path).body
        if hasattr(node, "name")
    }
    for name, spec in _specs().items():
        if name.startswith(HOOK):
            named = re.findall(r"`([A-Z]\w+)`", inspect.getdoc(spec) or "")
            assert set(named) <= defined, name


def test_the_reference_has_every_hook():
    assert "thurn.hooks.specs" in _directives("hooks.md")


def test_the_reference_has_every_contract():
    modules = {f"thurn.contracts.{p.stem}" for p in CONTRACTS.glob("*.py")} - {
        "thurn.contracts.__init__"
    }
    assert modules <= _directives("contracts.md")


def test_the_reference_has_every_name_of_the_facade():
    names = import_module("thurn.plugin").__all__
    text = (REFERENCE / "facade.md").read_text()
    missing = [name for name in names if f"`{name}`" not in text]
    assert not missing


@pytest.mark.parametrize("name", import_module("thurn.plugin").__all__)
def test_every_name_of_the_facade_is_explained(name):
    value = getattr(import_module("thurn.plugin"), name)
    if not inspect.isclass(value) and not inspect.isfunction(value):
        return  # a constant or an alias: explained by the string below it
    assert inspect.getdoc(value)
