"""`thurn plugins new` writes plugins that install, are found, and pass tests and lints."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from thurn.hooks.specs import RoleSpecs
from thurn_testing.newplugin.render import FUNCTIONS, HEADS, ROLES, NewPluginError, render
from thurn_testing.newplugin.skeleton import PRODUCTS
from workspace import FAMILIES, ROOT

BIN = Path(sys.executable).parent


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": f"{BIN}:/usr/bin:/bin", "PYTHONPATH": str(cwd / "site"), "HOME": str(cwd)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_role_has_a_template():
    specs = {name.removeprefix("thurn_register_") for name in vars(RoleSpecs) if "register" in name}
    assert set(ROLES) == specs | set(HEADS)
    assert set(HEADS) == {name for name in FAMILIES if list(ROOT.glob(f"plugins/*/{name}"))}
    assert not set(FUNCTIONS) & set(PRODUCTS)


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_a_new_plugin_is_clean(role, tmp_path):
    for file in render(role, "short-word", tmp_path / "new"):
        assert "$" not in file.read_text()
    configuration = ROOT / "pyproject.toml"
    source = tmp_path / "new" / "src"
    _run("ruff", "check", "-q", "--config", configuration, source, cwd=tmp_path)
    _run("ruff", "format", "-q", "--check", "--config", configuration, source, cwd=tmp_path)


@pytest.mark.slow
def test_new_plugins_install_are_found_and_pass_their_tests(tmp_path):
    site = tmp_path / "site"
    folders = [tmp_path / role for role in ROLES]
    for role, folder in zip(ROLES, folders, strict=True):
        render(role, "short-word", folder)
    folders.append(tmp_path / "one-word")
    render("sieve", "word", folders[-1])  # the capability has the function's name in it
    install = ("uv", "pip", "install", "-q", "--no-deps", "--offline", "--no-cache", "--target")
    _run(*install, site, *folders, cwd=tmp_path)
    found = tmp_path / "test_found.py"
    found.write_text(
        "from thurn.hooks.registry import Registry\n\n\n"
        "def test_all_are_found():\n"
        f"    names = [f'{{role}}.short-word' for role in {ROLES!r}]\n"
        f"    names += {[f'{head}.{family}' for family, (head, _) in HEADS.items()]!r}\n"
        "    registry = Registry()\n"
        "    assert list(registry.load(names)) == []\n"
        f"    assert all(registry.get(role, 'short-word') for role in {ROLES!r})\n"
    )
    options = ("-q", "-c", folders[0] / "pyproject.toml", "--rootdir", tmp_path)
    output = _run("pytest", *options, found, *folders, cwd=tmp_path)
    assert " passed" in output
    assert "skipped" not in output


@pytest.mark.slow
def test_new_plugins_have_sound_types(tmp_path):
    sources = []
    for role in ROLES:
        render(role, "short-word", tmp_path / role)
        sources.append(tmp_path / role / "src" / f"thurn_{role}_short_word")
    _run("mypy", "--strict", *sources, cwd=tmp_path)


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(NewPluginError, match="not empty"):
        render("filter", "word", tmp_path)


@pytest.mark.parametrize("name", ["", "Word", "a b", "../a", "1a", "a--b", "a" * 41])
def test_a_wrong_name_is_refused(name, tmp_path):
    with pytest.raises(NewPluginError, match="no plugin name"):
        render("filter", name, tmp_path / "new")


def test_an_unknown_role_is_answered_with_the_roles(tmp_path):
    with pytest.raises(NewPluginError, match=r"choose one of filter, policy"):
        render("fliter", "word", tmp_path / "new")


def test_a_word_of_python_may_be_a_word_of_sieve(tmp_path):
    render("sieve", "class", tmp_path / "new")
    factory = tmp_path / "new" / "src" / "thurn_sieve_class" / "factory.py"
    assert "def class_(" in factory.read_text()
    ast.parse(factory.read_text())
