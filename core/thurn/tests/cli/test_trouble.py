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
    code, told = call(*command, "-c", str(path))
    assert code == 1
    assert told.startswith(f"Error: {path}: cannot be read: No such file or directory")


def test_a_new_plugin_over_files(tmp_path: Path) -> None:
    code, told = call("plugins", "new", "filter", "mine", str(tmp_path.parent))
    assert (code, told) == (1, f"Error: {tmp_path.parent} exists and is not empty\n")


SITE = """\
[site]
data = "data"

[listener.mx]
type = "smtp"
bind = ["127.0.0.1:2525"]

[listener.lmtp]
type = "smtp"
profile = "lmtp"
"""


@pytest.mark.parametrize(
    ("more", "finding"),
    [
        ('bind = ["127.0.0.1"]', ':11: listener.lmtp: bind "127.0.0.1": write "address:port"'),
        ('bind = ["127.0.0.1:2525"]', ":11: listener.lmtp: listener.mx binds 127.0.0.1:2525, too"),
        ('bind = "127.0.0.1:24"', ':11: listener.lmtp.bind: write a list, such as ["main"]'),
        ("bind = = 24", ":11: not TOML: "),
        ('bind = ["*:24"]\n[sasl]\ntype = "plain"', ":13: sasl.type: expected a table: write it"),
    ],
)
def test_each_finding_says_where_and_what_to_write(tmp_path: Path, more: str, finding: str) -> None:
    path = tmp_path / "thurn.toml"
    path.write_text(SITE + more)
    code, told = call("check", "-c", str(path))
    assert code == 1
    assert f"{path}{finding}" in told


def test_a_journal_without_it(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path))
    assert "has no transaction yet" in call("explain", *data)[1]
    assert "has no transaction xyz" in call("explain", *data, "xyz")[1]
