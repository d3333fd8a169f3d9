"""The disk is full: 452 and nothing else, reading works, and it goes on by itself.

The data directory is a small tmpfs of its own; that takes root. `THURN_REQUIRE_INTEROP` turns the
skip into a failure.
"""

from __future__ import annotations

import contextlib
import imaplib
import os
import poplib
import smtplib
import subprocess
import threading
from collections import Counter

import pytest
from clients import HOST, TIMEOUT_SECONDS, fetch, send, unverified
from mailsite import PASSWORD
from running import RunningSite, eventually, free_port

pytestmark = pytest.mark.slow

DISK = "16m"
LARGE_DISK = "128m"
BALLAST_OCTETS = 4 << 20
SENDERS = 6
FILLING = "y" * 78 + "\r\n"
BODY_LINES = 250  # 20 KB
FILLED_TIMES = 4


@pytest.fixture
def disk(tmp_path):
    """A small file system, always unmounted."""
    path = tmp_path / "data"
    path.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "thurn-test", path],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        if os.environ.get("THURN_REQUIRE_INTEROP"):
            pytest.fail(f"cannot mount a small file system: {done.stderr}")
        pytest.skip(f"cannot mount a small file system: {done.stderr}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


class Disk:
    """The ballast on it."""

    def __init__(self, path):
        self._path = path / "ballast"

    def grow(self):
        """Have room for more mail than even a slow machine takes in the time of a test."""
        remount = ["mount", "-o", f"remount,size={LARGE_DISK}", self._path.parent]
        subprocess.run(remount, check=True)

    def load(self, octets):
        self._path.write_bytes(bytes(octets))

    def fill(self):
        """Take all that is left, to the last octet."""
        with self._path.open("ab", buffering=0) as ballast:
            for size in (1 << 16, 1 << 12):
                with contextlib.suppress(OSError):
                    while True:
                        ballast.write(bytes(size))

    def drop(self):
        self._path.unlink()


@pytest.fixture
def site(tmp_path, disk):
    one = RunningSite(tmp_path)
    one.tables["site"] |= {"segment": "256KiB", "queue": "main"}
    one.tables["queue"] = {"main": {"type": "spool"}}
    one.tables["listener"]["imaps"] = {
        "type": "imap",
        "tls": "main",
        "tls_mode": "implicit",
        "sasl": ["plain"],
        "bind": [f"{HOST}:{free_port()}"],
    }
    for name in ("mx", "submission"):
        one.tables["listener"][name]["size_limit"] = "512KiB"
    try:
        yield one
    finally:
        if one.process is not None:
            one.kill()


class Load:
    """Senders until stopped, some to accounts here, some to elsewhere."""

    def __init__(self, site):
        self._site = site
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(SENDERS)]
        self.acknowledged, self.queued = [], []
        self.answers = Counter()

    def __enter__(self):
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for one in self._threads:
            one.join()

    def _run(self, number):
        count = 0
        while not self._stop.is_set():
            try:
                with self._client(number) as client:
                    while not self._stop.is_set():
                        count += 1
                        self._send(client, number, f"s{number}n{count}")
            except (OSError, smtplib.SMTPException) as error:
                self._note(error)
                self._stop.wait(0.05)

    def _client(self, number):
        to_elsewhere = number % 3 == 2
        port = self._site.port("submission" if to_elsewhere else "mx")
        client = smtplib.SMTP(HOST, port, "client.example.net", timeout=TIMEOUT_SECONDS)
        if to_elsewhere:
            client.starttls(context=unverified())
            client.login("alice", PASSWORD)
        return client

    def _send(self, client, number, token):
        message = f"Subject: {token}\r\n\r\n{FILLING * BODY_LINES}"
        try:
            if number % 3 == 2:
                client.sendmail("alice@example.org", ["y@elsewhere.example"], message)
                self.queued.append(token)
            else:
                whom = ("alice", "bob")[number % 2]
                client.sendmail("x@example.net", [f"{whom}@example.org"], message)
                self.acknowledged.append((whom, token))
        except smtplib.SMTPResponseException as error:
            self._note(error)
            self._stop.wait(0.05)

    def _note(self, error):
        code = getattr(error, "smtp_code", type(error).__name__)
        text = getattr(error, "smtp_error", b"")
        self.answers[code, text[:5] if isinstance(text, bytes) else text] += 1


def mailbox(site, account):
    return {
        octets.partition(b"Subject: ")[2].partition(b"\r\n")[0].decode()
        for octets in fetch(site.port("pop3s"), account).values()
    }


def goes_on_for_both(load, count):
    """Whether more than 30 messages were acknowledged since `count`, and some to each account."""
    since = load.acknowledged[count:]
    return len(since) > 30 and {account for account, _ in since} == {"alice", "bob"}


def goes_on(site):
    try:
        send(
            site.port("mx"), "x@example.net", ["alice@example.org"], b"Subject: again\r\n\r\nx\r\n"
        )
    except (OSError, smtplib.SMTPException):
        return False
    return True


def nothing_is_lost(site, load):
    there = {account: mailbox(site, account) for account in ("alice", "bob")}
    assert load.acknowledged
    for account, token in load.acknowledged:
        assert token in there[account]


FULL = (452, b"4.3.1")


def test_mail_fills_the_disk(site, disk):
    ballast = Disk(disk)
    ballast.load(BALLAST_OCTETS)
    site.start()
    with Load(site) as load:
        eventually(lambda: load.answers[FULL] > 20, "a full disk")
        for account in ("alice", "bob"):
            assert mailbox(site, account)
        eventually(lambda: load.answers[FULL] > 60, "still full")
    assert set(load.answers) == {FULL}
    ballast.drop()
    eventually(lambda: goes_on(site), "it goes on")
    nothing_is_lost(site, load)
    assert not site.count("worker.ended")
    assert site.count("generation.ready") == 1


def test_deleting_mail_makes_room(site):
    """Nothing that the log keeps for later stands in the way."""
    site.start()
    with Load(site) as load:
        eventually(lambda: load.answers[FULL] > 20, "a full disk")
    assert set(load.answers) == {FULL}
    nothing_is_lost(site, load)
    for account in ("alice", "bob"):
        fetch(site.port("pop3s"), account, delete=True)
        assert mailbox(site, account) == set()
    eventually(lambda: goes_on(site), "it goes on")
    assert not site.count("worker.ended")


def test_somebody_else_fills_the_disk(site, disk):
    """To the last octet, in an instant, again and again: temporary answers, no worker is lost."""
    ballast = Disk(disk)
    ballast.grow()
    ballast.load(0)
    site.start()
    with Load(site) as load:
        for _time in range(FILLED_TIMES):
            count, full = len(load.acknowledged), load.answers[FULL]
            eventually(lambda count=count: goes_on_for_both(load, count), "it goes on")
            ballast.fill()
            eventually(lambda full=full: load.answers[FULL] > full + 20, "a full disk")
            for account in ("alice", "bob"):
                assert mailbox(site, account)
            ballast.drop()
        count = len(load.acknowledged)
        eventually(lambda: len(load.acknowledged) > count + 10, "it goes on")
    assert all(code in (452, 421) for code, _ in load.answers), load.answers
    nothing_is_lost(site, load)
    assert not site.count("worker.ended")


@contextlib.contextmanager
def full_of_others(site, disk):
    """A site with one message for alice and no room; the ballast."""
    ballast = Disk(disk)
    ballast.load(0)
    site.start()
    eventually(lambda: goes_on(site), "a message")
    ballast.fill()
    yield ballast
    assert not site.count("worker.ended")


def test_imap_on_a_full_disk(site, disk):
    """What is there is read; what would write is refused for now; the session goes on."""
    with full_of_others(site, disk) as ballast:
        client = imaplib.IMAP4_SSL(
            HOST, site.port("imaps"), ssl_context=unverified(), timeout=TIMEOUT_SECONDS
        )
        client.login("alice", PASSWORD)
        assert client.select()[0] == "OK"
        for item in ("(BODY.PEEK[])", "(BODY[])", "(RFC822)"):
            kind, found = client.fetch("1", item)
            assert kind == "OK"
            assert b"Subject: again" in found[0][1]
        assert client.fetch("1", "(FLAGS)") == ("OK", [b"1 (FLAGS ())"])  # not marked as Seen
        writing = {
            "append": ("INBOX", None, None, b"Subject: a\r\n\r\n" + b"y" * 20_000),
            "store": ("1", "+FLAGS", "(\\Flagged)"),
            "copy": ("1", "INBOX"),
            "create": ("more",),
        }
        for name, words in writing.items():
            kind, (text,) = getattr(client, name)(*words)
            assert (kind, text[:13]) == ("NO", b"[UNAVAILABLE]"), name
        assert client.noop()[0] == "OK"
        assert client.search(None, "ALL") == ("OK", [b"1"])
        ballast.drop()
        eventually(lambda: client.append(*writing["append"])[0] == "OK", "it goes on")
        for name in ("store", "copy", "create"):
            assert getattr(client, name)(*writing[name])[0] == "OK"
        client.logout()


def test_pop3_on_a_full_disk(site, disk):
    """Deleting is refused at QUIT, RFC 1939 §6, and nothing is gone."""
    with full_of_others(site, disk) as ballast:
        (octets,) = fetch(site.port("pop3s"), "alice").values()
        assert b"Subject: again" in octets
        with pytest.raises(poplib.error_proto, match="SYS/TEMP"):
            fetch(site.port("pop3s"), "alice", delete=True)
        assert len(fetch(site.port("pop3s"), "alice")) == 1
        ballast.drop()
        eventually(lambda: gone(site), "it goes on")


def gone(site):
    with contextlib.suppress(poplib.error_proto):
        fetch(site.port("pop3s"), "alice", delete=True)
    return not fetch(site.port("pop3s"), "alice")


def test_a_restart_when_mail_has_filled_the_disk(site):
    """The reserve is enough for it."""
    site.start()
    with Load(site) as load:
        eventually(lambda: load.answers[FULL] > 20, "a full disk")
    site.stop()
    site.start()
    nothing_is_lost(site, load)
    assert not site.count("worker.ended")


def test_a_restart_without_any_room_says_what_to_do(site, disk):
    """After kill -9, with records to replay."""
    ballast = Disk(disk)
    ballast.load(0)
    site.start()
    with Load(site) as load:
        eventually(lambda: len(load.acknowledged) > 50, "load")
        site.kill()
    ballast.fill()
    assert site.start_in_vain() == 1
    (told,) = site.events("generation.failed")
    assert told["findings"][0].startswith(f"the disk of {disk} is full (")
    assert "Traceback" not in site.text()
    ballast.drop()
    site.start()
    nothing_is_lost(site, load)
    assert goes_on(site)
