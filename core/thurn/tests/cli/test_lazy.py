"""Only the command that is called is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner
from importlib_metadata import EntryPoint
from thurn.cli.main import main
from thurn.hooks.registry import COMMANDS, GROUP, installed

PROGRAM = """
import sys
from thurn.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code
print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "kit"), [(["plugins", "list"], False), (["plugins", "new", "--help"], True)]
)
def test_a_group_below_imports_no_other_command(words, kit):
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True
    )
    assert ("thurn_testing" in ran.stderr.split()) is kit
    assert "thurn.app.application" not in ran.stderr.split()


@pytest.fixture(params=["thurn_not_there.command:run", "thurn_kit:__doc__"])
def broken(request, monkeypatch):
    """An installed command that cannot be had: no such module, or not a command."""
    point = EntryPoint("away", request.param, COMMANDS)
    monkeypatch.setattr(
        "thurn.hooks.registry.installed", lambda group=GROUP: [*installed(group), point]
    )
    return point


def test_a_broken_command_leaves_the_others_alone(broken):
    done = CliRunner().invoke(main, ["--help"])
    assert done.exit_code == 0
    assert "away        (Broken.)" in done.output
    assert "status" in done.output
    assert CliRunner().invoke(main, ["plugins", "list"]).exit_code == 0


def test_a_broken_command_says_why_when_it_is_called(broken):
    done = CliRunner().invoke(main, ["away", "now", "--quickly"])
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: {broken.value} ")


def test_a_broken_command_has_a_manual_page(broken, tmp_path):
    done = CliRunner().invoke(main, ["manual", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "man1" / "thurn-away.1").exists()
