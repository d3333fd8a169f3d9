"""RFC 9208: the examples of its commands against a real site; only the client is made by hand."""

from __future__ import annotations

import socket

import pytest
from argon2 import PasswordHasher
from thurn_testing.server import open_server

PASSWORD = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")
ACCOUNTS = f"""
domains = ["example.org"]

[accounts.alice]
password = "{PASSWORD}"
addresses = ["alice@example.org"]
quota = "4KiB"

[accounts.root]
password = "{PASSWORD}"
addresses = ["root@example.org"]
"""
MESSAGE = b"Subject: x\r\n\r\n" + b"x" * 2000 + b"\r\n"


@pytest.fixture(params=["memory", "spool"])
async def site(request, tmp_path):
    (tmp_path / "accounts.toml").write_text(ACCOUNTS)
    (tmp_path / "accounts.toml").chmod(0o600)
    tables = {
        "site": {
            "hostname": "mx.example.org", "accounts": ["main"], "store": "main", "state": "main",
        },
        "state": {"main": {"type": "memory"}},
        "account": {"main": {"type": "file", "file": "accounts.toml"}},
        "store": {"main": {"type": request.param}},
        "sasl": {"plain": {"type": "plain"}},
        "guard": {"main": {"type": "quota", "mailboxes": 5, "warn_at": []}},
        "imap": {"quota": {"type": "quota", "guard": "main", "administrators": ["root"]}},
        "listener": {
            "imap": {
                "type": "imap", "bind": ["127.0.0.1:0"], "sasl": ["plain"], "guards": ["main"],
                "extensions": ["quota"], "plaintext_without_tls": True,
            },
        },
    }  # fmt: skip
    async with open_server(tables, tmp_path) as one:
        yield one


@pytest.fixture
def talk(site):
    """`await talk(name, *commands)`: the responses to each command, without the tagged line's
    tag."""

    def run(name, *commands):
        answers = []
        with socket.create_connection(("127.0.0.1", site.port("imap")), 60) as one:
            lines = one.makefile("rb")
            lines.readline()
            for command in (b"LOGIN %b secret" % name, *commands):
                one.sendall(b"t " + command + b"\r\n")
                said = []
                while not said or not said[-1].startswith(b"t "):
                    said.append(lines.readline().strip())
                answers.append(b"\n".join(said))
        return answers

    async def talked(name, *commands):
        return await site.in_thread(run, name, *commands)

    return talked


def append(mailbox=b"INBOX"):
    return b"APPEND %b {%d+}\r\n%b" % (mailbox, len(MESSAGE), MESSAGE)


ROOT = b"* QUOTA alice@example.org "


async def test_capabilities(talk):
    _, words = await talk(b"alice", b"CAPABILITY")
    for word in (b"QUOTA", b"QUOTA=RES-STORAGE", b"QUOTA=RES-MESSAGE", b"QUOTASET"):
        assert word in words.split()


async def test_usage_and_limits(talk):
    _, stored, inbox, missing, own, other, bad = await talk(
        b"alice",
        append(),
        b"GETQUOTAROOT INBOX",
        b"GETQUOTAROOT missing",
        b'GETQUOTA ""',
        b"GETQUOTA root@example.org",
        b"GETQUOTA",
    )
    assert b"t OK" in stored
    usage = ROOT + b"(STORAGE 2 4 MAILBOX 1 5)\n"
    assert inbox == b"* QUOTAROOT INBOX alice@example.org\n" + usage + b"t OK GETQUOTAROOT done"
    assert missing.startswith(b"* QUOTAROOT missing alice@example.org\n" + usage)
    assert own == usage + b"t OK GETQUOTA done"
    assert other == b"t NO [NONEXISTENT] No such quota root"
    assert bad.startswith(b"t BAD")


async def test_over_quota(talk):
    _, _, full, copied, moved = await talk(
        b"alice", append(), append(), b"SELECT INBOX\r\nt COPY 1 INBOX", b"NOOP"
    )
    assert b"t OK" in full  # 4,030 of 4,096 octets
    assert b"t OK" in copied  # of SELECT
    assert moved == b"t NO [OVERQUOTA] The mailbox is full"
    *_, last = await talk(b"alice", append())
    assert last == b"t NO [OVERQUOTA] The mailbox is full"


async def test_mailboxes(talk):
    answers = await talk(b"alice", *(b"CREATE m%d" % number for number in range(5)))
    assert [b"t OK" in one for one in answers[1:]] == [True] * 4 + [False]
    assert answers[-1] == b"t NO [OVERQUOTA] The mailbox is full"


async def test_an_administrator_sets_limits(talk):
    _, set_, unknown, twice, nobody, cleared = await talk(
        b"root",
        b"SETQUOTA alice@example.org (STORAGE 512 MESSAGE 1)",
        b"SETQUOTA alice@example.org (X-SPACE 1)",
        b"SETQUOTA alice@example.org (STORAGE 1 storage 2)",
        b"SETQUOTA nobody@example.org (STORAGE 1)",
        b"GETQUOTA alice",
    )
    assert set_ == ROOT + b"(STORAGE 0 512 MESSAGE 0 1 MAILBOX 1 5)\nt OK SETQUOTA done"
    for one in (unknown, twice):
        assert one.startswith(b"t NO [CANNOT]")
    assert nobody == b"t NO [NONEXISTENT] No such quota root"
    assert cleared.startswith(ROOT + b"(STORAGE 0 512 ")
    _, denied, first, second = await talk(
        b"alice", b'SETQUOTA "" (STORAGE 99999)', append(), append()
    )
    assert denied == b"t NO [NOPERM] Only administrators set quotas"
    assert b"t OK" in first
    assert second == b"t NO [OVERQUOTA] The mailbox is full"
    _, cleared = await talk(b"root", b"SETQUOTA alice@example.org ()")
    assert cleared.startswith(ROOT + b"(STORAGE 2 4 MAILBOX 1 5)\n")
