"""Logins over SMTP and POP3 to a whole site: the last message, the account, and equal refusals."""

from __future__ import annotations

import hashlib
import ssl
from base64 import b64decode, b64encode
from contextlib import asynccontextmanager

import pytest
import trio
from thurn_testing.scram import ScramClient, stored_text
from thurn_testing.server import open_server

ACCOUNTS = f"""
domains = ["example.org"]

[accounts.alice]
stored_keys = {{ "SCRAM-SHA-256" = "{stored_text("SCRAM-SHA-256", "secret")}" }}

[accounts.locked]
enabled = false
stored_keys = {{ "SCRAM-SHA-256" = "{stored_text("SCRAM-SHA-256", "secret")}" }}
"""
LISTENER = {"bind": ["127.0.0.1:0"], "tls": "main", "sasl": ["scram"]}
TABLES = {
    "site": {
        "hostname": "mx.example.org", "accounts": ["main"], "store": "main", "state": "main",
    },
    "account": {"main": {"type": "file", "file": "accounts.toml"}},
    "store": {"main": {"type": "memory"}},
    "state": {"main": {"type": "memory"}},
    "tls": {"main": {"type": "selfsigned"}},
    "sasl": {
        "scram": {
            "type": "scram", "mechanisms": ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"],
            "iterations": 4096,
        },
    },
    "listener": {
        "submission": {**LISTENER, "type": "smtp", "profile": "submission"},
        "pop3s": {**LISTENER, "type": "pop3", "tls_mode": "implicit"},
    },
}  # fmt: skip


class Talk:
    """A client that sends and reads lines."""

    def __init__(self, stream):
        self.stream = stream
        self.octets = b""

    async def line(self):
        while b"\r\n" not in self.octets:
            octets = await self.stream.receive_some()
            assert octets, "the server has closed"
            self.octets += octets
        line, _, self.octets = self.octets.partition(b"\r\n")
        return line.decode()

    async def lines(self, last):
        found = [await self.line()]
        while not last(found[-1]):
            found.append(await self.line())
        return found

    async def say(self, text):
        await self.stream.send_all(text.encode() + b"\r\n")

    async def ask(self, text):
        await self.say(text)
        return await self.line()


@pytest.fixture
async def site(tmp_path):
    (tmp_path / "accounts.toml").write_text(ACCOUNTS)
    (tmp_path / "accounts.toml").chmod(0o600)
    async with open_server(TABLES, tmp_path) as server:
        yield server


@asynccontextmanager
async def submission(site):
    stream = await trio.open_tcp_stream("127.0.0.1", site.port("submission"))
    async with stream:
        talk = Talk(stream)
        await talk.line()
        await talk.say("EHLO client.example")
        talk.offered = await talk.lines(lambda line: line[3] == " ")
        yield talk


def b64(octets):
    return b64encode(octets).decode()


async def auth(talk, client):
    """The last reply, and whether the server proved that it knows the account."""
    answer = await talk.ask(f"AUTH {client.scheme} {b64(client.first)}")
    if not answer.startswith("334 "):
        return answer, b""
    challenge = b64decode(answer[4:])
    answer = await talk.ask(b64(client.final(challenge)))
    if not answer.startswith("334 "):
        return answer, challenge
    assert client.is_server(b64decode(answer[4:]))
    return await talk.ask(""), challenge


async def test_smtp_without_encryption(site):
    async with submission(site) as talk:
        [offered] = [line for line in talk.offered if "AUTH" in line]
        assert offered[4:] == "AUTH SCRAM-SHA-256"  # no channel to bind to
        answer, _ = await auth(talk, ScramClient("SCRAM-SHA-256", "alice", "secret"))
        assert answer.startswith("235 2.7.0")
        assert (await talk.ask("MAIL FROM:<alice@example.org>")).startswith("250")


async def test_unknown_names_and_wrong_passwords_get_the_same_replies(site):
    answers = []
    for name, password in (("alice", "wrong"), ("nobody", "secret"), ("locked", "secret")):
        async with submission(site) as talk:
            answers.append(await auth(talk, ScramClient("SCRAM-SHA-256", name, password)))
    assert len({answer for answer, _ in answers}) == 1
    assert answers[0][0].startswith("535 5.7.8")
    assert len({len(challenge) for _, challenge in answers}) == 1
    salts = set()
    for _ in range(3):
        async with submission(site) as talk:
            client = ScramClient("SCRAM-SHA-256", "nobody", "x")
            _, challenge = await auth(talk, client)
            salts.add(challenge.split(b",")[1])
    assert len(salts) == 1


async def test_malformed_and_cancelled(site):
    async with submission(site) as talk:
        for message in (b"", b"n,,", b"\xff", b"n,,m=x,n=alice,r=x"):
            answer = await talk.ask(f"AUTH SCRAM-SHA-256 {b64(message) or '='}")
            assert answer.startswith("501 5.5.2")
        client = ScramClient("SCRAM-SHA-256", "alice", "secret")
        assert (await talk.ask(f"AUTH SCRAM-SHA-256 {b64(client.first)}")).startswith("334 ")
        assert (await talk.ask("*")).startswith("501")
        answer, _ = await auth(talk, client)
        assert answer.startswith("235")


async def test_pop3_bound_to_the_certificate(site):
    trust = site.site.data / "tls" / "main" / "certificate.pem"
    context = ssl.create_default_context(cafile=str(trust))
    raw = await trio.open_tcp_stream("127.0.0.1", site.port("pop3s"))
    stream = trio.SSLStream(raw, context, server_hostname="localhost")
    talk = Talk(stream)
    await talk.line()
    await talk.say("CAPA")
    offered = await talk.lines(lambda line: line == ".")
    assert "SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256" in offered
    certificate = stream.getpeercert(binary_form=True)

    async def log_in(binding):
        client = ScramClient("SCRAM-SHA-256-PLUS", "alice", "secret", binding=binding)
        answer = await talk.ask(f"AUTH SCRAM-SHA-256-PLUS {b64(client.first)}")
        answer = await talk.ask(b64(client.final(b64decode(answer[2:]))))
        if answer.startswith("+ "):
            assert client.is_server(b64decode(answer[2:]))
            answer = await talk.ask("")
        return answer

    assert (await log_in(b"another")).startswith("-ERR")
    assert (await log_in(hashlib.sha256(certificate).digest())).startswith("+OK")
    await trio.aclose_forcefully(stream)
