"""What is wrong with a site is told in words that name file and line, and never as a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from thurn.cli.main import main

BROKEN = """\
[site]
data = "data"
colour = "red"

[listener.mx]
type = "smtp"
"""


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


@pytest.mark.parametrize("command", [["check"], ["config", "show"], ["config", "order"]])
def test_all_findings_with_their_lines(tmp_path: Path, command: list[str]) -> None:
    path = tmp_path / "thurn.toml"
    path.write_text(BROKEN)
    code, told = call(*command, "--config", str(path))
    assert code == 1
    assert told.startswith("Error: ")
    assert f"{path}:3: site.colour: unknown key" in told
    assert f"{path}:5: listener.mx.bind: is missing" in told


@pytest.mark.parametrize("command", [["check"], ["config", "show"], ["explain"], ["relay", "who"]])
def test_no_configuration(tmp_path: Path, command: list[str]) -> None:
    path = tmp_path / "thurn.toml"
    assert call(*command, "-c", str(path)) == (
        1, f"Error: {path}: cannot be read: No such file or directory\n",
    )  # fmt: skip


def test_a_new_plugin_over_files(tmp_path: Path) -> None:
    code, told = call("plugins", "new", "filter", "mine", str(tmp_path.parent))
    assert (code, told) == (1, f"Error: {tmp_path.parent} exists and is not empty\n")
