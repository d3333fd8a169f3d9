"""`thurn explain` tells every refusal: by which rule, where it stands, what would pass."""

from __future__ import annotations

import re
import smtplib
from contextlib import asynccontextmanager

import pytest
from click.testing import CliRunner
from clients import HOST, TIMEOUT_SECONDS, send
from mailsite import tables
from thurn.app.opened import RESERVE_SEGMENTS
from thurn.cli.explain import explain, story
from thurn.plugin import Continue, Disconnect, Reject, plugin
from thurn.telemetry.journal import find
from thurn_testing.server import open_server

MESSAGE = b"Subject: x\r\n\r\nx\r\n"


class _Early:
    """Judges by the hello's name; at connection it has an opinion that passes."""

    async def check_connection(self, session):
        return Continue("early.seen", "known since today")

    async def check_hello(self, session, name):
        if name == "leave.example":
            return Disconnect("early.leave", detail="on the list")
        if name == "bad.example":
            return Reject("early.hello", "Liar", detail="on the list")
        return None


@plugin("policy", "early")
@asynccontextmanager
async def early():
    yield _Early()


@pytest.fixture
def site(tmp_path):
    one = tables(tmp_path, mx={"policies": ["early"]})
    one["policy"] = {"early": {"type": "early"}}
    return one


def opened(site, tmp_path):
    return open_server(site, tmp_path, plugins=[early])


def ask(port, hello):
    """The answers of a session with two transactions."""
    with smtplib.SMTP(HOST, port, hello, timeout=TIMEOUT_SECONDS) as client:
        answers = [client.ehlo()]
        for _ in range(2):
            if answers[-1][0] in (250, 550):
                answers.append(client.mail("x@example.net"))
                answers.append(client.rcpt("alice@example.org"))
                client.rset()
    return [(code, text.decode()) for code, text in answers]


def told(server, text):
    """The story of the id in a reply."""
    record = find(server.site.data / "journal", re.search(r"\((\w{15})\)$", text)[1])
    assert record is not None
    return record, "\n".join(story(record))


async def test_a_refused_hello_is_in_each_story(site, tmp_path):
    async with opened(site, tmp_path) as server:
        answers = await server.in_thread(ask, server.port("mx"), "bad.example")
        assert [code for code, _ in answers] == [250, 250, 550, 250, 550]
        for _, text in (answers[2], answers[4]):
            record, words = told(server, text)
            assert [s["stage"] for s in record["stages"]] == ["connect", "hello", "rcpt"]
            assert "refused at hello by policy.early, " in words
            assert "test_explain.py:" in words
            assert "would pass if policy.early had no objection (early.hello)" in words


async def test_what_passed_early_is_in_the_first_story_only(site, tmp_path):
    async with opened(site, tmp_path) as server:
        await server.in_thread(ask, server.port("mx"), "good.example")
        first, second = server.journal()
        assert [s["stage"] for s in first["stages"]] == ["connect", "hello"]
        assert first["stages"][0]["reason"] == "early.seen"
        assert "stages" not in second


@pytest.mark.parametrize(
    ("hello", "reject_at", "code", "reason"),
    [
        ("leave.example", "recipient", 421, "early.leave"),
        ("bad.example", "once", 550, "early.hello"),
    ],
)
async def test_a_session_refused_outright_has_a_record(
    site, tmp_path, hello, reject_at, code, reason
):
    site["listener"]["mx"]["reject_at"] = reject_at

    def hail(port):
        client = smtplib.SMTP(HOST, port, hello, timeout=TIMEOUT_SECONDS)
        answer = client.ehlo()
        client.close()
        return answer

    async with opened(site, tmp_path) as server:
        answer = await server.in_thread(hail, server.port("mx"))
        assert answer[0] == code
        record, words = told(server, answer[1].decode())
        assert (record["outcome"], record["reason"], record["hello"]) == ("refused", reason, hello)
        assert record["id"] == record["session"]
        assert "at hello by policy.early, " in words
        assert "test_explain.py:" in words


async def test_the_hosts_own_refusals_say_what_would_pass(tmp_path):
    async with open_server(tables(tmp_path), tmp_path) as server:

        def refused(whom):
            with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
                send(server.port("mx"), "x@example.net", [whom], MESSAGE)
            return caught.value.recipients[whom][1].decode()

        for whom, wanted in [
            ("nobody@example.org", "would pass if there were an account or alias"),
            ("y@elsewhere.example", "would pass if a rule in the listener's `relay` list"),
        ]:
            text = await server.in_thread(refused, whom)
            record, words = told(server, text)
            assert record["outcome"] == "abandoned"
            assert f"refused at rcpt of <{whom}>" in words
            assert wanted in words


@pytest.mark.parametrize(
    ("free", "code", "reason", "wanted"),
    [
        (1000, 530, "login.required", "would pass if the peer had logged in"),
        (0.75, 452, "storage.reserve", "would pass if the disk"),
    ],
)
async def test_a_refusal_at_mail_has_a_record(tmp_path, monkeypatch, free, code, reason, wanted):
    changes = {"require_login": True, "sasl": ["plain"]}
    if free < 1:  # of the reserve
        changes = {}
    segment_octets = 8 << 20
    free_octets = int(free * RESERVE_SEGMENTS * segment_octets)
    monkeypatch.setattr("thurn.log.commitlog.WorkerLog.free_octets", lambda _: free_octets)

    def mail(port):
        with smtplib.SMTP(HOST, port, "me.example", timeout=TIMEOUT_SECONDS) as client:
            client.ehlo()
            return client.mail("x@example.net")

    site = tables(tmp_path, mx=changes)
    site["site"]["segment"] = f"{segment_octets}B"
    async with open_server(site, tmp_path) as server:
        answer = await server.in_thread(mail, server.port("mx"))
        assert answer[0] == code
        record, words = told(server, answer[1].decode())
        assert (record["outcome"], record["reason"]) == ("refused", reason)
        assert (record["sender"], record["status"][:3]) == ("x@example.net", str(code))
        assert wanted in words


async def test_a_dangling_alias_is_reported_and_refused_if_it_leads_nowhere(tmp_path):
    one = tables(tmp_path)
    accounts = tmp_path / "accounts.toml"
    text = accounts.read_text()
    accounts.write_text(
        text + '\n"list@example.org" = ["team@example.org", "left@example.org"]\n'
        '"gone@example.org" = ["left@example.org"]\n'
    )
    async with open_server(one, tmp_path) as server:
        port = server.port("mx")
        await server.in_thread(send, port, "x@example.net", ["list@example.org"], MESSAGE)
        record = server.journal()[-1]
        assert record["outcome"] == "stored"
        [stage] = [one for one in record["stages"] if one["stage"] == "alias"]
        assert stage == {
            "stage": "alias",
            "by": "list@example.org",
            "decision": "lost",
            "reason": "alias.dangling",
            "detail": "nobody here has left@example.org",
        }
        assert "alias: list@example.org: lost, alias.dangling" in "\n".join(story(record))
        whom = "gone@example.org"
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            await server.in_thread(send, port, "x@example.net", [whom], MESSAGE)
        code, text = caught.value.recipients[whom]
        assert (code, text[:5]) == (550, b"5.1.1")
        _, words = told(server, text.decode())
        assert "would pass if the alias led to somebody" in words


def test_a_missing_site_is_reported_without_a_traceback(tmp_path):
    answer = CliRunner().invoke(explain, ["--config", str(tmp_path / "none.toml")])
    assert answer.exit_code == 1
    assert "cannot be read" in answer.output
    assert "--data" in answer.output
