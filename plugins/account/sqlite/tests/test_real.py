"""Through the command `thurn`, with the host's own opener, beside a server and without one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from thurn.app.site import open_site
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
def thurn(tmp_path):
    (tmp_path / "thurn.toml").write_text(SITE)

    def thurn(*words, input="", fails=False):  # noqa: A002 - subprocess' name
        done = subprocess.run(
            [THURN, *words, "-c", str(tmp_path / "thurn.toml")],
            input=input,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert (done.returncode != 0) == fails, done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr if fails else done.stdout

    return thurn


async def test_beside_a_server(thurn, tmp_path):
    thurn("domain", "add", "example.org")
    thurn("account", "add", "alice", input="first secret\n")
    alice = Address.parse("alice@example.org")
    async with open_site(load(read([tmp_path / "thurn.toml"])), with_log=False) as site:
        accounts = site.products["account", "people"]
        found = await site.directory.resolve(alice)
        assert isinstance(found, Local)
        assert await accounts.verify(Claim("alice", Secret("first secret"))) == Verified(
            found.account
        )
        thurn("account", "passwd", "alice", input="second secret\n")
        assert await accounts.verify(Claim("alice", Secret("first secret"))) == Denied()
        assert isinstance(await accounts.verify(Claim("alice", Secret("second secret"))), Verified)
        listed = json.loads(thurn("account", "app-password", "list", "alice", "--json"))
        assert listed[0]["last_used"] is not None
        thurn("account", "delete", "alice", "--yes")
        assert not isinstance(await site.directory.resolve(alice), Local)


def test_mistakes_are_told_without_a_traceback(thurn):
    assert "thurn domain add" in thurn("account", "add", "a", "--no-password", fails=True)
    thurn("domain", "add", "example.org")
    thurn("account", "add", "alice", "--no-password")
    for words in (("account", "delete", "alice"), ("domain", "delete", "example.org")):
        assert "--yes" in thurn(*words, fails=True)
        assert "--yes" in thurn(*words, input="n\n", fails=True)
    assert "fewer than 8" in thurn("account", "passwd", "alice", input="short\n", fails=True)
    assert json.loads(thurn("account", "show", "alice", "--json"))["credentials"] == []


def test_without_such_an_instance(thurn, tmp_path):
    text = SITE.replace('type = "sqlite"\n', 'type = "memory"\n', 1)
    text = text.replace(
        '[account.people]\ntype = "sqlite"', '[account.people]\ntype = "file"\nfile = "x"'
    )
    (tmp_path / "x").touch(0o600)
    (tmp_path / "thurn.toml").write_text(text)
    assert 'type = "sqlite"' in thurn("account", "list", fails=True)
