"""`thurn login` beside a site: bans, releases and the history."""

from __future__ import annotations

import json

import pytest
import trio
from click.testing import CliRunner
from thurn.app.command import Opener
from thurn.app.site import open_site
from thurn.config.files import read
from thurn.config.instances import load
from thurn.plugin import LoginAttempt
from thurn_login_limiter.command import login
from thurn_testing.fakes.session import make_identity, make_session

SITE = """
[site]
hostname = "mx.example.org"
data = "data"
state = "main"
accounts = ["main"]
store = "main"
allow_root = true

[state.main]
type = "sqlite"

[account.main]
type = "file"
file = "accounts.toml"

[store.main]
type = "memory"

[listener.pop3]
type = "pop3"
bind = ["127.0.0.1:0"]
login = ["main"]

[login.main]
type = "limiter"
"""
ACCOUNTS = """
domains = ["example.org"]

[accounts.alice]
addresses = ["alice@example.org", "a.lice@example.org"]
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "accounts.toml").write_text(ACCOUNTS)
    (tmp_path / "accounts.toml").chmod(0o600)
    path = tmp_path / "thurn.toml"
    path.write_text(SITE)
    return path


@pytest.fixture
def filled(path):
    async def fill():
        async with open_site(load(read([path])), with_log=False) as site:
            policy = site.products["login", "main"]
            guesser = make_session(peer="198.51.100.7", protocol="smtp")
            for _ in range(10):
                await policy.after_login(LoginAttempt(guesser, "a.lice@example.org", "PLAIN"), None)
            owner = LoginAttempt(make_session(protocol="imap"), "alice", "SCRAM-SHA-256")
            await policy.record_login(owner, make_identity("alice"))

    trio.run(fill)
    return path


def thurn(path, *words, code=0):
    result = CliRunner().invoke(login, [words[0], "-c", str(path), *words[1:]], obj=Opener())
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.slow
def test_bans_and_release(filled):
    assert "198.51.100.7" in thurn(filled, "bans")
    [ban] = json.loads(thurn(filled, "bans", "--json"))
    assert (ban["subject"], ban["account"], ban["failures"]) == ("198.51.100.7", "", 10)
    assert "released (1 ban ended)" in thurn(filled, "release", "198.51.100.7")
    assert "was not banned" in thurn(filled, "release", "198.51.100.7")
    assert json.loads(thurn(filled, "release", "192.0.2.1", "--json")) == {"192.0.2.1": 0}
    assert thurn(filled, "bans").endswith("\nNobody is banned.\n")
    assert json.loads(thurn(filled, "bans", "--json")) == []
    assert "IPv4 networks" in thurn(filled, "release", "198.51.100.0/24", code=1)


@pytest.mark.slow
def test_history(filled):
    everything = json.loads(thurn(filled, "history", "--json"))
    assert len(everything) == 11
    for name in ("alice", "alice@example.org", "A.LICE@example.org"):
        entries = json.loads(thurn(filled, "history", "--account", name, "--json"))
        assert [entry["outcome"] for entry in entries] == ["success"] + ["failure"] * 10
        assert entries[1]["name"] == "a.l…"
    entries = json.loads(thurn(filled, "history", "--address", "::ffff:198.51.100.7", "--json"))
    assert len(entries) == 10
    both = ("history", "--account", "alice", "--address", "203.0.113.9", "--json")
    (row,) = json.loads(thurn(filled, *both))
    assert (row["account"], row["account_name"]) == ("alice", "alice@example.org")
    assert len(json.loads(thurn(filled, "history", "--limit", "3", "--json"))) == 3
    text = thurn(filled, "history")
    assert text.startswith("time\toutcome\tname\taccount\t")
    assert "\talice@example.org\t" in text
    assert "SCRAM-SHA-256" in text
    assert "a.l…" in text
    assert "No such login is recorded" in thurn(filled, "history", "--account", "nobody")
    assert "not an IP address" in thurn(filled, "history", "--address", "x", code=1)


def test_a_site_without_a_limiter(path):
    path.write_text(SITE.partition("[login.main]")[0].replace('login = ["main"]', ""))
    assert 'add [login.limiter] with type = "limiter"' in thurn(path, "bans", code=1)
