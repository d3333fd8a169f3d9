"""A filter of a third party: whatever it does, mail is safe and the culprit is named.

Made by `thurn plugins new`, installed into a directory of its own, enabled by one line.
"""

from __future__ import annotations

import smtplib
import time

import pytest
from clients import fetch, send
from running import eventually, running

pytestmark = pytest.mark.slow

FACTORY = '''\
"""A filter that does what the subject says."""

from __future__ import annotations

import time

import trio
from thurn.plugin import Message, Reject, message_filter


@message_filter("wild")
async def wild_filter(message: Message) -> Reject | None:
    """Misbehave."""
    word = message.header("subject")
    if word == "refuse":
        return Reject("wild.refused", "Not this one")
    if word == "raise":
        raise KeyError("of the plugin")
    if word == "wait":
        await trio.sleep_forever()
    if word == "nonsense":
        return 42
    while word == "block":
        time.sleep(0.1)
    return None
'''
DECORATED = 1 + FACTORY[: FACTORY.index("@message_filter")].count("\n")
RAISING = 1 + FACTORY[: FACTORY.index("raise KeyError")].count("\n")
SENDER, WHOM = "x@example.net", ["alice@example.org"]
NEXT = b"Subject: next\r\n\r\nnext\r\n"


def with_word(word):
    return f"Subject: {word}\r\n\r\n{word}\r\n".encode()


def install(site):
    """As a site would: write it, install it, name it."""
    folder = site.base / "wild"
    code, text = site.call_here("plugins", "new", "filter", "wild", folder)
    assert code == 0, text
    (folder / "src" / "thurn_filter_wild" / "factory.py").write_text(FACTORY)
    site.install(folder)
    site.tables["listener"]["mx"]["filters"] = ["wild"]
    site.tables["filter"] = {"wild": {"type": "wild", "deadline": "300ms"}}
    site.tables["site"]["worker_timeout"] = "2s"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with running(tmp_path_factory.mktemp("site"), install) as one:
        yield one


def passes(site):
    before = len(fetch(site.port("pop3s"), "alice"))
    send(site.port("mx"), SENDER, WHOM, NEXT)
    assert len(fetch(site.port("pop3s"), "alice")) == before + 1


CASES = [
    ("refuse", 550, "reject", "wild.refused", DECORATED),
    ("raise", 451, "tempfail", "plugin.failed", RAISING),
    ("wait", 451, "tempfail", "plugin.deadline", DECORATED),
    ("nonsense", 451, "tempfail", "plugin.failed", DECORATED),
]


@pytest.mark.parametrize(("word", "code", "decision", "reason", "line"), CASES)
def test_its_failures_are_answered_and_reported(site, word, code, decision, reason, line):
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(site.port("mx"), SENDER, WHOM, with_word(word))
    assert refused.value.smtp_code == code
    identifier = refused.value.smtp_error.decode().rpartition("(")[2].rstrip(")")
    record = eventually(
        lambda: next((r for r in site.journal() if r["id"] == identifier), None), "the record"
    )
    stage = record["stages"][-1]
    assert (stage["by"], stage["decision"], stage["reason"]) == ("filter.wild", decision, reason)
    place = f"thurn_filter_wild/factory.py:{line}"
    assert place in stage["source"] + stage["detail"] if "detail" in stage else stage["source"]
    story = site.explain(identifier)
    for words in ("filter.wild", reason, place, "thurn.toml:"):
        assert words in story
    if code == 451:
        told = site.wait("plugin.failed")
        assert told["plugin"] == "filter.wild"
    passes(site)


def test_a_blocking_filter_costs_its_worker_and_nothing_else(site):
    """Its message is not answered 250; the supervisor replaces the worker and names the culprit."""
    blocked = site.count("worker.blocked")
    with pytest.raises((smtplib.SMTPServerDisconnected, smtplib.SMTPResponseException)) as refused:
        send(site.port("mx"), SENDER, WHOM, with_word("block"))
    assert getattr(refused.value, "smtp_code", 421) in (421, 451, -1)
    passes(site)
    told = site.wait("worker.blocked", blocked + 1)
    assert "thurn_filter_wild/factory.py" in told["where"]
    assert "wild_filter" in told["stack"]

    def deferred():
        return next((r for r in site.journal() if r.get("reason") == "plugin.blocked"), None)

    record = eventually(deferred, "the journal's record")
    (stage,) = record["stages"]
    assert stage["by"] == "filter.wild"
    story = site.explain(record["id"])
    assert f"thurn_filter_wild/factory.py:{DECORATED}" in story
    assert "thurn.toml:" in story
    assert "blocked" in story
    stored = fetch(site.port("pop3s"), "alice").values()
    assert not [octets for octets in stored if b"Subject: block" in octets]
    passes(site)


def test_it_is_suspended_and_never_skipped(site):
    """Deadline after deadline: answered at once for a while, always 451."""
    codes, took = [], []
    for _ in range(8):
        started = time.monotonic()
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send(site.port("mx"), SENDER, WHOM, with_word("wait"))
        codes.append(refused.value.smtp_code)
        took.append(time.monotonic() - started)
    assert codes == [451] * 8
    reasons = [
        stage["reason"]
        for r in site.journal()
        for stage in r.get("stages", ())
        if "reason" in stage
    ]
    assert "plugin.suspended" in reasons
