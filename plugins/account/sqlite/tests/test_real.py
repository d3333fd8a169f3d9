"""Through the command `thurn`, with the host's own opener, beside a server and without one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner
from thurn.app.site import open_site
from thurn.cli.main import main
from thurn.config.files import read
from thurn.config.instances import load
from thurn.plugin import Address, Claim, Denied, Local, Secret, Verified

SITE = """
[site]
hostname = "mail.example.org"
data = "data"
accounts = ["people"]
state = "shared"
allow_root = true

[state.shared]
type = "sqlite"

[account.people]
type = "sqlite"
"""
THURN = Path(sys.executable).with_name("thurn")

pytestmark = pytest.mark.slow


@pytest.fixture
def site(tmp_path):
    (tmp_path / "thurn.toml").write_text(SITE)
    return tmp_path / "thurn.toml"


@pytest.fixture
def thurn(site):
    """The command in its own process, as people call it."""

    def thurn(*words, input="", fails=False):  # noqa: A002 - subprocess' name
        done = subprocess.run(
            [THURN, *words, "-c", str(site)],
            input=input,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr if fails else done.stdout

    return thurn


@pytest.fixture
def thurn_here(site):
    """The command in this process: its imports are the longest part of a call."""

    def thurn_here(*words, input="", fails=False):  # noqa: A002 - subprocess' name
        done = CliRunner().invoke(main, [*words, "-c", str(site)], input=input)
        assert (done.exit_code != 0) == fails, done.stderr
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done.stderr if fails else done.stdout

    return thurn_here


@pytest.fixture
def with_alice(thurn_here):
    """example.org, and alice with her first password."""
    thurn_here("domain", "add", "example.org")
    thurn_here("account", "add", "alice", input="first secret\n")


async def test_beside_a_server(with_alice, thurn, thurn_here, site):
    alice = Address.parse("alice@example.org")
    async with open_site(load(read([site])), with_log=False) as opened:
        accounts = opened.products["account", "people"]
        found = await opened.directory.resolve(alice)
        assert isinstance(found, Local)
        assert await accounts.verify(Claim("alice", Secret("first secret"))) == Verified(
            found.account
        )
        thurn("account", "passwd", "alice", input="second secret\n")
        assert await accounts.verify(Claim("alice", Secret("first secret"))) == Denied()
        assert isinstance(await accounts.verify(Claim("alice", Secret("second secret"))), Verified)
        words = ("account", "app-password", "list", "alice", "--json")
        listed = json.loads(await trio.to_thread.run_sync(thurn_here, *words))
        assert listed[0]["last_used"] is not None
        thurn("account", "delete", "alice", "--yes")
        assert not isinstance(await opened.directory.resolve(alice), Local)


def test_mistakes_are_shown_without_a_traceback(thurn, thurn_here):
    assert "thurn domain add" in thurn("account", "add", "a", "--no-password", fails=True)
    thurn_here("domain", "add", "example.org")
    thurn_here("account", "add", "alice", "--no-password")
    for words in (("account", "delete", "alice"), ("domain", "delete", "example.org")):
        assert "--yes" in thurn_here(*words, fails=True)
        assert "--yes" in thurn_here(*words, input="n\n", fails=True)
    assert "fewer than 8" in thurn_here("account", "passwd", "alice", input="short\n", fails=True)
    shown = json.loads(thurn_here("account", "show", "alice", "--json"))
    assert shown["credentials"] == []


def test_without_such_an_instance(thurn_here, site, tmp_path):
    text = SITE.replace('type = "sqlite"\n', 'type = "memory"\n', 1)
    text = text.replace(
        '[account.people]\ntype = "sqlite"', '[account.people]\ntype = "file"\nfile = "x"'
    )
    (tmp_path / "x").touch(0o600)
    site.write_text(text)
    assert 'type = "sqlite"' in thurn_here("account", "list", fails=True)
