"""kill -9 of the whole process group under load: each message answered 250 is there, as sent.

Also: a start repairs by itself, and a message keeps its unique-id.
"""

from __future__ import annotations

import contextlib
import os
import smtplib
import threading

import pytest
from clients import HOST, TIMEOUT_SECONDS, fetch
from running import PATIENCE_SECONDS, RunningSite
from thurn_testing.server import open_server

ROUNDS = int(os.environ.get("THURN_KILL_ROUNDS", "2"))
SENDERS = 8
ACKNOWLEDGED = 50
"""Messages of each round that must be acknowledged before the kill."""
ACCOUNTS = ("alice", "bob")


class Load:
    """Senders that go on until the site is killed.

    Attributes:
        acknowledged: (account, token) of each message that was answered 250.
    """

    def __init__(self, port, round_number):
        self.acknowledged = []
        self._arrived = threading.Condition()
        self._threads = [
            threading.Thread(target=self._send, args=(port, f"r{round_number}s{number}", number))
            for number in range(SENDERS)
        ]
        for one in self._threads:
            one.start()

    def _send(self, port, name, number):
        account = ACCOUNTS[number % len(ACCOUNTS)]
        count = 0
        with contextlib.suppress(OSError, smtplib.SMTPException):
            client = smtplib.SMTP(HOST, port, "client.example.net", timeout=TIMEOUT_SECONDS)
            with contextlib.closing(client):
                while True:
                    count += 1
                    token = f"{name}n{count}"
                    client.sendmail("x@example.net", [f"{account}@example.org"], message(token))
                    with self._arrived:
                        self.acknowledged.append((account, token))
                        self._arrived.notify()

    def wait(self, count):
        """Wait until so many were acknowledged."""
        with self._arrived:
            enough = self._arrived.wait_for(
                lambda: len(self.acknowledged) >= count, PATIENCE_SECONDS
            )
        assert enough, f"{len(self.acknowledged)} messages in {PATIENCE_SECONDS} s"

    def join(self):
        for one in self._threads:
            one.join()


def message(token):
    return f"Subject: {token}\r\n\r\n{token} {'x' * 1500}\r\n"


def mailboxes(port):
    """The last line of each message, by account and unique-id."""
    return {
        (account, uid): octets.splitlines()[-1].decode()
        for account in ACCOUNTS
        for uid, octets in fetch(port, account).items()
    }


def kill_under_load(site, round_number, known):
    """Run the site until it is killed; returns the messages that it acknowledged."""
    site.start()
    load = None
    try:
        there = mailboxes(site.port("pop3s"))
        assert known.items() <= there.items()
        known.update(there)
        load = Load(site.port("mx"), round_number)
        load.wait(ACKNOWLEDGED)
    finally:
        site.kill()
        if load is not None:
            load.join()
    return load.acknowledged


@pytest.mark.slow
async def test_nothing_acknowledged_is_lost(tmp_path):
    site = RunningSite(tmp_path)
    acknowledged, known = [], {}
    for round_number in range(ROUNDS):
        acknowledged += kill_under_load(site, round_number, known)
    async with open_server(site.tables, tmp_path) as server:  # sooner ready than processes
        there = await server.in_thread(mailboxes, site.port("pop3s"))
    assert known.items() <= there.items(), "another unique-id"
    bodies = {}
    for (account, _), body in there.items():
        bodies.setdefault((account, body.split()[0]), []).append(body)
    for account, token in acknowledged:
        assert bodies[account, token] == [message(token).splitlines()[-1]]
