"""kill -9 of the whole process group under load: what was answered 250 is there, exactly as sent.

Also: a start repairs by itself, and no unique-id is given twice.
"""

from __future__ import annotations

import contextlib
import os
import poplib
import smtplib
import threading
import time

import pytest
from clients import HOST, unverified
from demo import Demo, free_base

ROUNDS = int(os.environ.get("THURN_KILL_ROUNDS", "4"))
SENDERS = 8


def load(port, number, round_number, acknowledged, until):
    """Send until killed; note what was answered 250."""
    count = 0
    whom = f"u{number % 4 + 1}"
    with contextlib.suppress(OSError, smtplib.SMTPException):
        client = smtplib.SMTP(HOST, port, "client.example.net", timeout=10)
        with contextlib.closing(client):
            while time.monotonic() < until:
                count += 1
                token = f"r{round_number}s{number}n{count}"
                body = f"Subject: {token}\r\n\r\n{token} {'x' * 1500}\r\n"
                client.sendmail("x@example.net", [f"{whom}@example.org"], body)
                acknowledged.append((whom, token))


def mailbox(port, account):
    client = poplib.POP3_SSL(HOST, port, timeout=20, context=unverified())
    client.user(account)
    client.pass_("demo")
    uids = [line.split()[1] for line in client.uidl()[1]]
    found = {}
    for number, uid in enumerate(uids, 1):
        lines = client.retr(number)[1]
        found[uid] = lines[-1]
    client.quit()
    return found


@pytest.mark.slow
@pytest.mark.timeout(240 + 15 * ROUNDS)
def test_nothing_acknowledged_is_lost(tmp_path):
    base = free_base()
    acknowledged, seen = [], {}
    for round_number in range(ROUNDS):
        demo = Demo(tmp_path, base)
        until = time.monotonic() + 3
        senders = [
            threading.Thread(
                target=load,
                args=(demo.ready["ports"]["smtp"], n, round_number, acknowledged, until),
            )
            for n in range(SENDERS)
        ]
        for one in senders:
            one.start()
        before = len(acknowledged)
        while len(acknowledged) < before + 50 and time.monotonic() < until:
            pass
        demo.kill()
        for one in senders:
            one.join()
    demo = Demo(tmp_path, base)
    try:
        bodies = {}
        for account in ("u1", "u2", "u3", "u4"):
            for uid, body in mailbox(demo.ready["ports"]["pop3s"], account).items():
                assert (account, uid) not in seen
                seen[account, uid] = body
                bodies.setdefault((account, body.split()[0].decode()), []).append(body)
    finally:
        demo.stop()
    assert len(acknowledged) >= ROUNDS * 50
    for account, token in acknowledged:
        (body,) = bodies[account, token]
        assert body == f"{token} {'x' * 1500}".encode()
