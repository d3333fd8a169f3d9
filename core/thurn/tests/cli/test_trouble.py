"""What is wrong with a site is told in words that name file and line, and never as a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from thurn.cli.main import main

BIN = Path(sys.executable).parent
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
        (
            'bind = "127.0.0.1:24"',
            ':11: listener.lmtp.bind: write a list, such as ["127.0.0.1:24"]',
        ),
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


@pytest.mark.parametrize(
    ("key", "bind", "finding"),
    [
        ("allow_root = true", "unix:{}/precious", ':12: listener.lmtp: bind "unix:'),
        ('data = "precious"', "[::1]:0", ":2: site.data: "),
        ('user = "nobody-at-all"', "[::1]:0", ":2: site.user: this machine has no account"),
    ],
)
def test_a_start_that_fails_says_where(tmp_path: Path, key: str, bind: str, finding: str) -> None:
    (tmp_path / "precious").write_text("mail")
    path = tmp_path / "thurn.toml"
    site = SITE.replace("2525", "0") + f'bind = ["{bind.format(tmp_path)}"]\n'
    if key.startswith("data"):
        site = site.replace('data = "data"', f"{key}\nallow_root = true")
    else:
        site = site.replace("[site]", f"[site]\n{key}")
    path.write_text(site)
    done = subprocess.run(
        [BIN / "thurn", "run", "-c", path], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert f"{path}{finding}" in json.loads(done.stderr.splitlines()[-1])["findings"][0]


def test_a_journal_without_it(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path))
    assert "has no transaction yet" in call("explain", *data)[1]
    assert "has no transaction xyz" in call("explain", *data, "xyz")[1]
