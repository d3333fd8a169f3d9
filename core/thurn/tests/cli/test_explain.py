"""`thurn explain` finds transactions, and names accounts."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from thurn.cli.explain import story
from thurn.cli.main import main
from thurn.cli.search import moment

SITE = """\
[site]
data = "data"
accounts = ["main"]
allow_root = true

[account.main]
type = "file"
file = "accounts.toml"

[listener.mx]
type = "smtp"
bind = ["127.0.0.1:0"]
"""
ACCOUNTS = """\
domains = ["example.org"]

[accounts.a17]
addresses = ["alice@example.org"]
"""
DAY_SECONDS = 86_400
NOON = 1_795_521_600
"""2026-11-24 12:00 UTC."""


def record(number: int, sender: str, *recipients: str, outcome: str = "stored", **facts: object):
    identifier, at = f"{number:015}", NOON + (number - 4) * DAY_SECONDS
    line = {"id": identifier, "time": at, "sender": sender, "recipients": recipients}
    return {**line, "outcome": outcome, **facts}


RECORDS = [
    record(1, "x@example.net", "alice@example.org"),
    record(2, "Y@Example.NET", "bob@example.org", outcome="refused"),
    record(3, "", "alice@example.org", "Bob@example.org"),
    record(
        4,
        "alice@example.org",
        "z@example.com",
        account="a17",
        stages=[{"stage": "delivery", "by": "a17", "decision": "file INBOX"}],
    ),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    journal = tmp_path / "data" / "journal"
    journal.mkdir(parents=True)
    for one in RECORDS:
        day = time.strftime("%Y-%m-%d.jsonl", time.gmtime(one["time"]))
        (journal / day).write_text(json.dumps(one) + "\n")
    accounts = tmp_path / "accounts.toml"
    accounts.write_text(ACCOUNTS)
    accounts.chmod(0o600)
    path = tmp_path / "thurn.toml"
    path.write_text(SITE)
    return path


def explain(path: Path, *words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["explain", "-c", str(path), *words])
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (["--from", "x@EXAMPLE.net"], [1]),
        (["--from", "@example.net"], [1, 2]),
        (["--from", "<>"], [3]),
        (["--to", "bob@example.org"], [2, 3]),
        (["--to", "alice@example.org", "--from", "<x@example.net>"], [1]),
        (["--to", "@example.org", "--last", "2"], [2, 3]),
        (["--since", "2026-11-23"], [3, 4]),
        (["--since", "2026-11-24T13:00:00+01:00"], [4]),
        (["--last", "9"], [1, 2, 3, 4]),
        (["--from", "nobody@example.org"], []),
    ],
)
def test_it_finds_the_ids(path: Path, words: list[str], numbers: list[int]) -> None:
    rows = json.loads(explain(path, *words, "--json"))
    assert [int(row["id"]) for row in rows] == numbers
    names, *lines = explain(path, *words).splitlines()
    assert names == "id\ttime\tfrom\tto\toutcome"
    if not numbers:
        assert lines == ["The journal has no such transaction."]
    for line, row in zip(lines, rows, strict=bool(numbers)):
        assert line.split("\t") == list(row.values())


def test_a_list_and_an_id_exclude_each_other(path: Path) -> None:
    assert "not both" in explain(path, "--last", "1", "0" * 15, code=2)


def test_moments() -> None:
    assert moment("2h", 10_000) == 2_800
    assert moment("2026-11-24T12:00", 0) == NOON
    assert moment("2026-11-24T13:00+01:00", 0) == NOON
    with pytest.raises(click.BadParameter, match="write a duration"):
        moment("yesterday", 0)


def test_the_story_names_accounts_beside_their_ids(path: Path) -> None:
    told = explain(path)
    assert "logged in as alice@example.org (a17)" in told
    assert "delivery: alice@example.org (a17): file INBOX" in told


def test_without_the_site_the_ids_remain(path: Path) -> None:
    (path.parent / "accounts.toml").unlink()
    assert "logged in as a17" in explain(path)
    assert "logged in as a17" in explain(path, "--data", str(path.parent / "data"))


@pytest.mark.parametrize(("outcome", "verb"), [("queued", "pending"), ("deferred", "deferred")])
def test_a_pending_stage_is_not_called_deferred(outcome, verb):
    """Deferred is a message that was answered 4xx."""
    stage = {"stage": "outgoing", "by": "outgoing.dkim", "decision": "tempfail"}
    facts = {"reason": "plugin.failed", "source": "dkim.py:7"}
    lines = [*story(record(5, "", "z@example.com", outcome=outcome, stages=[{**stage, **facts}]))]
    assert f"  {verb} at outgoing by outgoing.dkim, dkim.py:7" in lines
