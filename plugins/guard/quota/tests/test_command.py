"""`thurn quota` on a site that has mail."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import trio
from click.testing import CliRunner
from thurn.app.command import Opener
from thurn.app.site import open_site
from thurn.config.files import read
from thurn.config.instances import load
from thurn.plugin import AccountId, Append, Content
from thurn_guard_quota.command import quota

SITE = """
[site]
hostname = "mx.example.org"
data = "data"
state = "main"
accounts = ["main"]
store = "main"
allow_root = true
segment = "1MiB"

[state.main]
type = "sqlite"

[account.main]
type = "file"
file = "accounts.toml"

[store.main]
type = "spool"

[listener.mx]
type = "smtp"
profile = "mx"
bind = ["127.0.0.1:0"]
guards = ["quota"]

[guard.quota]
type = "quota"
mailboxes = 7
"""
ACCOUNTS = """
domains = ["example.org"]

[accounts.alice]
addresses = ["alice@example.org"]
quota = "1KiB"
"""


async def fill(path):
    async with open_site(load(read([path]))) as site:
        account = await site.stores(site.directory).open(AccountId("alice"), None)
        received = datetime(2026, 1, 1, tzinfo=UTC)
        for _ in range(3):
            await account.append(Append("INBOX", Content.of(b"Subject: x\r\n\r\n"), received))
        await (await account.mailbox("INBOX")).copy([1], "INBOX")
        await (await account.mailbox("INBOX")).expunge([2])


@pytest.fixture
def thurn(tmp_path):
    (tmp_path / "accounts.toml").write_text(ACCOUNTS)
    (tmp_path / "accounts.toml").chmod(0o600)
    path = tmp_path / "thurn.toml"
    path.write_text(SITE)
    trio.run(fill, path)

    def run(*words, fails=False):
        done = CliRunner().invoke(quota, [*words, "-c", str(path)], obj=Opener())
        assert (done.exit_code != 0) is fails, done.output
        return done.output

    return run


STORAGE = {"usage": 42, "limit": 1024, "source": "record"}


def test_show(thurn):
    (row,) = json.loads(thurn("show", "--json"))
    assert row == {
        "account": "alice@example.org",
        "storage": STORAGE,  # a copy counts, what was expunged does not
        "messages": {"usage": 3, "limit": None, "source": ""},
        "mailboxes": {"usage": 1, "limit": 7, "source": "default"},
    }
    assert "42 of 1024 (4 %, record)" in thurn("show", "alice")


def test_set_and_clear(thurn):
    (row,) = json.loads(thurn("set", "alice", "--storage", "2KiB", "--messages", "9", "--json"))
    assert row["storage"] == {"usage": 42, "limit": 2048, "source": "account"}
    (row,) = json.loads(thurn("set", "alice@example.org", "--storage", "none", "--json"))
    assert row["storage"] == {"usage": 42, "limit": None, "source": "account"}
    assert row["messages"]["limit"] == 9
    (row,) = json.loads(thurn("set", "alice", "--clear", "--json"))
    assert row["storage"] == STORAGE
    assert "not a limit" in thurn("set", "alice", "--messages", "-1", fails=True)
    assert "give a limit" in thurn("set", "alice", fails=True)
    assert "no account" in thurn("show", "nobody", fails=True)


def test_recount(thurn):
    assert json.loads(thurn("recount", "--json")) == [
        {"account": "alice@example.org", "storage": 42, "messages": 3, "agrees": True}
    ]
