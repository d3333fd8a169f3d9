"""Commands report what is wrong with a site in words, with file and line, never as a traceback."""

from __future__ import annotations

import json
import os
import pwd
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


def test_findings_for_programs(tmp_path: Path) -> None:
    path = tmp_path / "thurn.toml"
    path.write_text(BROKEN)
    code, told = call("check", "-c", str(path), "--json")
    assert code == 1
    findings = json.loads(told)["findings"]
    assert any(one.startswith(f"{path}:3: site.colour: unknown key") for one in findings)
    path.write_text(GOOD.format(data="data", path=tmp_path))
    code, told = call("check", "-c", str(path), "--json")
    assert (code, json.loads(told)) == (0, {"findings": [], "warnings": []})


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
        (
            'bind = ["127.0.0.1"]',
            ':11: listener.lmtp.bind.0: bind "127.0.0.1": write "address:port"',
        ),
        (
            'bind = ["127.0.0.1:2525"]',
            ":11: listener.lmtp.bind: listener.mx also binds 127.0.0.1:2525",
        ),
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
    ("key", "bind", "finding", "code"),
    [
        ("allow_root = true", "unix:{}/precious", ':12: listener.lmtp: bind "unix:', 1),
        ('data = "precious"', "[::1]:0", ":2: site.data: ", 1),
        ('user = "nobody-at-all"', "[::1]:0", ":2: site.user: this machine has no account", 78),
        ("no_such_key = 1", "[::1]:0", ":2: site.no_such_key: ", 78),
    ],
)
def test_a_start_that_fails_says_where(
    tmp_path: Path, key: str, bind: str, finding: str, code: int
) -> None:
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
    assert done.returncode == code
    assert f"{path}{finding}" in json.loads(done.stderr.splitlines()[-1])["findings"][0]


def test_a_journal_without_it(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path))
    assert "has no transaction yet" in call("explain", *data)[1]
    assert "has no transaction xyz" in call("explain", *data, "xyz")[1]


def test_a_story_for_programs(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.mkdir()
    record = {"id": "0" * 15, "time": 0, "sender": "caf\u00e9", "stages": []}
    (journal / "2026-11-24.jsonl").write_text(json.dumps(record) + "\n")
    code, told = call("explain", "--data", str(tmp_path), "--json")
    assert code == 0
    assert json.loads(told) == record


def test_what_is_installed_for_programs() -> None:
    code, told = call("plugins", "list", "--json")
    assert code == 0
    rows = json.loads(told)
    assert {"plugin", "distribution", "version"} == set(rows[0])
    names, *lines = call("plugins", "list")[1].splitlines()
    assert names.split("\t") == list(rows[0])
    assert [line.split("\t") for line in lines] == [list(row.values()) for row in rows]


GOOD = """\
[site]
data = "{data}"
allow_root = true

[listener.mx]
type = "smtp"
bind = ["unix:{path}/smtp"]
"""


@pytest.mark.parametrize(("key", "what"), [("user", "account"), ("group", "group")])
def test_accounts_that_do_not_exist(tmp_path: Path, key: str, what: str) -> None:
    path = tmp_path / "thurn.toml"
    path.write_text(f'[site]\ndata = "data"\n{key} = "no-such-account"\n')
    code, told = call("check", "-c", str(path))
    assert code == 1
    assert f"{path}:3: site.{key}: this machine has no {what} no-such-account" in told


def test_directories_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "thurn.toml"
    (tmp_path / "file").touch()
    path.write_text(GOOD.format(data="file", path=tmp_path / "missing"))
    code, told = call("check", "-c", str(path))
    assert code == 1
    assert f"{path}:2: site.data: {tmp_path}/file is not a directory" in told
    assert f"{path}:7: listener.mx.bind: {tmp_path}/missing does not exist" in told
    path.write_text(GOOD.format(data="new/data", path=tmp_path))
    assert call("check", "-c", str(path)) == (0, "The configuration is right.\n")
    account = next(one for one in pwd.getpwall() if one.pw_uid != os.getuid())
    path.write_text(f'[site]\ndata = "."\nuser = "{account.pw_name}"\n')
    assert "belongs to another account than site.user" in call("check", "-c", str(path))[1]
