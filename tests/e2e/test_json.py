"""Every command prints JSON for programs: the whole command line, on a site that serves."""

from __future__ import annotations

import json
import subprocess

import click
import pytest
from click.testing import CliRunner
from running import BIN, PATIENCE_SECONDS, RunningSite, running
from thurn.cli.main import main

pytestmark = pytest.mark.slow

ACCOUNTS = """\
[accounts.carol]
display_name = "Carol"
"""
SCRIPT_TESTS = """\
require "vnd.thurn.testsuite";
test "nothing" { }
"""
STEPS = {
    "check": "",
    "config show": "",
    "config order": "",
    "config schema": "store.spool",
    "plugins list": "",
    "plugins new": "filter mine {base}/mine",
    "completion": "bash",
    "manual": "{base}/man",
    "domain add": "example.org",
    "domain set": "example.org --separator +",
    "domain list": "",
    "account add": "alice --no-password",
    "account passwd": "alice --generate",
    "account set": "alice --quota 1GiB",
    "account show": "alice",
    "account list": "",
    "account import": "{base}/import.toml",
    "account history": "",
    "account app-password add": "alice phone",
    "account app-password list": "alice",
    "account app-password revoke": "alice phone",
    "alias add": "info@example.org alice@example.org",
    "alias set": "info@example.org alice@example.org",
    "alias list": "",
    "alias delete": "info@example.org --yes",
    "sieve check": "{base}/rules.sieve",
    "sieve run": "{base}/rules.sieve {base}/message.eml",
    "sieve test": "{base}/tests.svtest",
    "sieve put": "alice rules {base}/rules.sieve; alice old {base}/rules.sieve",
    "sieve activate": "alice rules",
    "sieve list": "alice",
    "sieve get": "alice",
    "sieve history": "alice rules",
    "sieve delete": "alice old",
    "login bans": "",
    "login history": "",
    "login release": "192.0.2.1",
    "relay grant": "192.0.2.1 --for 1h --why test",
    "relay who": "",
    "relay explain": "192.0.2.1",
    "relay revoke": "192.0.2.1",
    "quota set": "alice --storage 1GiB",
    "quota show": "alice",
    "quota recount": "alice",
    "explain": "--last 1",
    "status": "",
    "reload": "",
    "account delete": "alice --yes",
    "domain delete": "example.org --yes --with-addresses",
    "stop": "",
}
"""What is called, in this order; a semicolon parts two calls."""
BY_THEMSELVES = {"run", "demo"}
"""They serve until they are stopped, and have tests of their own."""
NO_SITE = {"completion", "config schema", "manual", "plugins list", "plugins new"}


def leaves(command=main, words=(), parent=None):
    """Every command that does something, by its words."""
    context = click.Context(command, info_name=words[-1] if words else "thurn", parent=parent)
    if not isinstance(command, click.Group):
        yield " ".join(words), command
        return
    for name in command.list_commands(context):
        yield from leaves(command.get_command(context, name), (*words, name), context)


def test_every_command_has_the_option():
    commands = dict(leaves())
    assert not [
        words
        for words, command in commands.items()
        if not any("--json" in one.opts for one in command.params)
    ]
    assert set(commands) == STEPS.keys() | BY_THEMSELVES, "give each command a step"


def prepare(site):
    tables = site.tables
    tables["site"] |= {"queue": "main", "workers": 1}
    tables["account"] = {"main": {"type": "sqlite"}}
    tables["queue"] = {"main": {"type": "spool"}}
    tables["login"] = {"limiter": {"type": "limiter"}}
    tables["delivery"] = {"sieve": {"type": "sieve"}}
    tables["relay"]["grants"] = {"type": "grants"}
    tables["listener"]["mx"] |= {"relay": ["grants"], "delivery": ["sieve"]}
    tables["listener"]["pop3"] |= {"login": ["limiter"]}
    tables["guard"] = {"quota": {"type": "quota"}}
    tables["listener"]["mx"]["guards"] = ["quota"]
    del tables["site"]["postmaster"]
    (site.base / "import.toml").write_text(ACCOUNTS)
    (site.base / "rules.sieve").write_text("keep;\n")
    (site.base / "tests.svtest").write_text(SCRIPT_TESTS)
    (site.base / "message.eml").write_bytes(b"Subject: x\r\n\r\nbody\r\n")


def test_what_every_command_prints_is_json(tmp_path):
    with running(tmp_path, prepare=prepare) as site:
        for words, calls in STEPS.items():
            more = [] if words in NO_SITE else site.config_words
            for arguments in calls.format(base=tmp_path).split(";"):
                called = [*words.split(), *arguments.split(), "--json", *more]
                done = CliRunner().invoke(main, called)
                assert done.exit_code == 0, (called, done.output)
                assert isinstance(json.loads(done.stdout), dict | list), called


def test_a_site_says_ready_in_one_line(tmp_path):
    site = RunningSite(tmp_path)
    prepare(site)
    site.configure()
    words = [str(BIN / "thurn"), "run", "--json", *site.config_words]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, cwd=tmp_path, **output) as process:
        facts = json.loads(process.stdout.readline())
        process.terminate()
        assert process.stdout.read() == b""
        assert process.wait(PATIENCE_SECONDS) == 0
    assert facts["ready"] is True
    assert facts["pid"] == process.pid
    assert facts["data"] == str(site.data)
    assert facts["workers"] == 1
    assert sorted(facts["bind"]) == sorted(
        one for section in site.tables["listener"].values() for one in section["bind"]
    )
