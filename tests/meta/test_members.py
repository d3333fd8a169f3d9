"""One name, six spellings; and what every distribution has."""

from __future__ import annotations

from functools import cache
from importlib import metadata

import pytest
from thurn.contracts.factory import Factory
from workspace import CORE_ORDER, ROOT, Member, bare, imports_of, members, plugins, tree_of

ALL = pytest.mark.parametrize("member", members(), ids=str)
PLUGINS = pytest.mark.parametrize("member", plugins(), ids=str)
IMPLIED = {
    "outcome": {"trio"},
    "pydantic": {"thurn"},
    "pydantic-core": {"pydantic"},
    "trio": {"thurn"},
}
"""What is part of another distribution's interface, and comes with it."""
FIRST_OF_CORE = members()[0].pyproject


packages_distributions = cache(metadata.packages_distributions)
"""Once for all members: it reads the records of everything that is installed."""


def _points(member: Member, group: str) -> dict[str, str]:
    return member.pyproject["project"].get("entry-points", {}).get(group, {})


@ALL
def test_folder_distribution_and_import_are_one_name(member):
    if member.is_plugin:
        expected = f"thurn-{member.role}-{member.path.name}"
    else:
        expected = "thurn" if member.path.name == "thurn" else f"thurn-{member.path.name}"
        assert member.module in CORE_ORDER, "say in workspace.py which layer it is"
    assert member.distribution == expected
    assert (member.source / "__init__.py").is_file()
    assert [
        path.name
        for path in (member.path / "src").iterdir()
        if path.is_dir() and path.suffix != ".egg-info"
    ] == [member.module]


@ALL
def test_it_has_what_every_distribution_has(member):
    project = member.pyproject["project"]
    assert (member.source / "py.typed").is_file()
    readme = (member.path / "README.md").read_text()
    assert readme.startswith(f"# {member.distribution}\n")
    assert (member.path / "tests").is_dir()
    assert project["readme"] == "README.md"
    assert project["license"] == "Apache-2.0"
    assert project["description"].endswith(".")
    first = FIRST_OF_CORE
    assert project["version"] == first["project"]["version"]
    assert project["requires-python"] == first["project"]["requires-python"]
    assert member.pyproject["build-system"] == first["build-system"]


@ALL
def test_the_head_of_the_package_is_a_docstring(member):
    tree = tree_of(member.source / "__init__.py")
    first = tree.body[0]
    assert isinstance(getattr(getattr(first, "value", None), "value", None), str)


@ALL
def test_what_it_imports_it_depends_on(member):
    owners = packages_distributions()
    stated = {bare(name) for name in member.pyproject["project"]["dependencies"]}
    for extra in member.pyproject["project"].get("optional-dependencies", {}).values():
        stated |= {bare(name) for name in extra}
    missing = set()
    for path in member.source.rglob("*.py"):
        for line, dotted in imports_of(tree_of(path)):
            module = dotted.partition(".")[0]
            distributions = {bare(owner) for owner in owners.get(module, [])}
            for owner in tuple(distributions):
                distributions |= IMPLIED.get(owner, set())
            if module != member.module and distributions and not distributions & stated:
                missing.add(f"{path.name}:{line} {module}")
    assert not missing


@PLUGINS
def test_a_plugin_depends_on_the_host(member):
    assert "thurn" in {bare(name) for name in member.pyproject["project"]["dependencies"]}


@PLUGINS
def test_entry_points_carry_role_and_name(member):
    if member.role == "command":
        assert member.path.name in _points(member, "thurn.commands")
        return
    points = _points(member, "thurn")
    assert f"{member.role}.{member.path.name}" in points
    for name, target in points.items():
        assert name.count(".") == 1
        assert target.partition(":")[0].split(".")[0] == member.module


@PLUGINS
def test_entry_points_give_a_factory_of_that_role_and_type(member):
    installed = metadata.distribution(member.distribution).entry_points.select(group="thurn")
    assert {point.name for point in installed} == set(_points(member, "thurn")), "./do setup?"
    for point in installed:
        loaded = point.load()
        if isinstance(loaded, Factory):
            assert f"{loaded.role}.{loaded.type_name}" == point.name
        else:
            role, _, name = point.name.partition(".")
            factories = getattr(loaded, f"thurn_register_{role}")()
            assert name in {factory.type_name for factory in factories}


def test_no_two_distributions_have_one_entry_point():
    seen: dict[str, str] = {}
    for member in plugins():
        for name in [*_points(member, "thurn"), *_points(member, "thurn.commands")]:
            assert name not in seen, f"{seen.get(name)} and {member}"
            seen[name] = str(member)


def _expanded(word: str) -> list[str]:
    """The words that a shell makes of one with braces."""
    head, brace, rest = word.partition("{")
    if not brace:
        return [word]
    inner, _, tail = rest.partition("}")
    return [one for part in inner.split(",") for one in _expanded(f"{head}{part}{tail}")]


def test_the_site_of_the_tutorial_installs_what_its_plugins_need():
    """No index has our distributions: each that is needed is a word of the command."""
    page = (ROOT / "docs" / "tutorial" / "your-site.md").read_text()
    _, _, command = page.partition("/bin/pip install ")
    words = command.partition("\nln -s ")[0].replace("\\\n", " ").split()
    paths = {ROOT / one for word in words for one in _expanded(word)}
    chosen = [member for member in members() if member.path in paths]
    assert len(chosen) == len(paths)
    names = {member.distribution for member in chosen}
    own = {member.distribution for member in members()}
    for member in chosen:
        needed = {bare(one) for one in member.pyproject["project"]["dependencies"]} & own
        assert needed <= names, str(member)
