"""SIGHUP under load: no session is dropped, no message lost, and a broken file changes nothing."""

from __future__ import annotations

import contextlib
import poplib
import signal
import smtplib
import socket
import threading

import pytest
from clients import HOST, TIMEOUT_SECONDS, fetch, send, unverified
from mailsite import PASSWORD
from running import eventually, running
from thurn_testing.newplugin.render import render

pytestmark = pytest.mark.slow

FACTORY = '''\
"""A filter that refuses a word."""

from __future__ import annotations

from pydantic import Field
from thurn.plugin import Message, Reject, Settings, message_filter


class WordSettings(Settings):
    """What a site may set."""

    word: str = Field(description="Refused as a subject.")


@message_filter("word")
def word_filter(message: Message, config: WordSettings) -> Reject | None:
    """Refuse it."""
    if message.header("subject") == config.word:
        return Reject("word.refused", "Not this word")
    return None
'''
SENDER, WHOM = "x@example.net", ["alice@example.org"]
MESSAGES = 5
"""Messages that bob has from the beginning."""
PAUSE_SECONDS = 0.01
"""Between the steps of a load, so that the processor has room for the reload beside it."""


class Load:
    """SMTP sessions of many transactions each, and POP3 sessions that read everything again.

    A 421 between two transactions is how a session ends; anything else is a drop.
    """

    def __init__(self, site, *, senders=3, readers=1):
        self._site = site
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(senders)]
        self._threads += [threading.Thread(target=self._read) for _ in range(readers)]
        self.acknowledged, self.dropped = [], []
        self.sessions = self.ended = 0

    def __enter__(self):
        for one in self._threads:
            one.start()
        eventually(lambda: len(self.acknowledged) > 20, "load")
        return self

    def __exit__(self, *_):
        self._stop.set()
        for one in self._threads:
            one.join()

    def more(self, count=25):
        wanted = len(self.acknowledged) + count
        eventually(lambda: len(self.acknowledged) > wanted or self.dropped, "more load")

    def _send(self, number):
        count = 0
        while not self._stop.is_set():
            self.sessions += 1
            step = "connect"
            try:
                client = smtplib.SMTP(
                    HOST, self._site.port("mx"), "client.example.net", timeout=TIMEOUT_SECONDS
                )
                with contextlib.closing(client):
                    if client.ehlo()[0] == 421:  # accepted by an old worker in its last instant
                        self.ended += 1
                        continue
                    for _ in range(200):
                        count += 1
                        token = f"s{number}n{count}"
                        step = "mail"
                        code, _ = client.mail(SENDER)
                        if code == 421:
                            self.ended += 1
                            break
                        step = "rcpt"
                        assert client.rcpt(WHOM[0])[0] == 250
                        step = "data"
                        code, text = client.data(f"Subject: {token}\r\n\r\n{token}\r\n")
                        assert code == 250, text
                        self.acknowledged.append(token)
                        if self._stop.wait(PAUSE_SECONDS):
                            break
            except (OSError, smtplib.SMTPException, AssertionError) as error:
                self.dropped.append((step, repr(error)))

    def _read(self):
        while not self._stop.wait(10 * PAUSE_SECONDS):
            self.sessions += 1
            try:
                fetch(self._site.port("pop3s"), "bob")
            except (OSError, poplib.error_proto, EOFError) as error:
                if "shutting down" in str(error):  # told at login
                    self.ended += 1
                elif "message is gone" not in str(error):  # one that a test deletes meanwhile
                    self.dropped.append(("pop3", repr(error)))


def nothing_is_lost(site, load):
    there = b"".join(fetch(site.port("pop3s"), "alice").values())
    for token in load.acknowledged:
        assert f"Subject: {token}\r\n".encode() in there
    assert load.dropped == []


def install_word(site):
    folder = site.base / "word"
    render("filter", "word", folder)
    (folder / "src" / "thurn_filter_word" / "factory.py").write_text(FACTORY)
    site.install(folder)


def use_word(site, word):
    site.tables["listener"]["mx"]["filters"] = ["word"]
    site.tables["filter"] = {"word": {"type": "word", "word": word}}


def is_refused(site, word):
    """None: an old worker accepted the session in its last instant, and ended it with 421."""
    try:
        send(site.port("mx"), SENDER, WHOM, f"Subject: {word}\r\n\r\nx\r\n".encode())
    except smtplib.SMTPDataError as error:
        return (error.smtp_code, error.smtp_error[:5]) == (550, b"5.7.1")
    except (smtplib.SMTPServerDisconnected, smtplib.SMTPHeloError):
        return None
    return False


@pytest.fixture
def site(tmp_path):
    with running(tmp_path) as one:
        with smtplib.SMTP(
            HOST, one.port("mx"), "client.example.net", timeout=TIMEOUT_SECONDS
        ) as client:
            for _ in range(MESSAGES):
                client.sendmail(SENDER, ["bob@example.org"], b"Subject: x\r\n\r\nx\r\n")
        yield one


def test_a_plugin_that_was_not_there_and_a_changed_chain(site):
    """The old sessions go on with the old rules, the new ones have the new."""
    old = smtplib.SMTP(HOST, site.port("mx"), "client.example.net", timeout=TIMEOUT_SECONDS)
    reader = poplib.POP3_SSL(
        HOST, site.port("pop3s"), timeout=TIMEOUT_SECONDS, context=unverified()
    )
    reader.user("bob")
    reader.pass_(PASSWORD)
    with Load(site) as load, contextlib.closing(old):
        old.ehlo()
        assert old.mail(SENDER)[0] == 250
        assert old.rcpt(WHOM[0])[0] == 250
        install_word(site)
        use_word(site, "lottery")
        site.reload()
        eventually(lambda: is_refused(site, "lottery"), "the new rule")
        load.more()
        # The transaction that was under way ends as it began: under the old chain.
        assert old.data("Subject: lottery\r\n\r\nold\r\n")[0] == 250
        assert old.mail(SENDER)[0] == 421
        assert len(reader.list()[1]) == MESSAGES
        reader.dele(1)
        reader.quit()
        use_word(site, "casino")
        site.reload()
        eventually(lambda: is_refused(site, "casino"), "the changed rule")
        eventually(lambda: is_refused(site, "lottery") is False, "the old rule is gone")
        load.more()
    assert load.ended > 0
    nothing_is_lost(site, load)
    assert len(fetch(site.port("pop3s"), "bob")) == MESSAGES - 1
    site.wait("generation.drained", 2)
    assert not site.count("worker.ended")


BROKEN = """
[listener.mx]
type = "smpt"
bind = ["127.0.0.1:{port}"]

[listener.pop3]
type = "pop3"
bind = ["127.0.0.1:{other}"]
idel = "5m"
tls = "mian"

[filter.word]
type = "wrod"
"""


def test_a_broken_file_changes_nothing_and_says_everything(site):
    before = site.path.read_text()
    with Load(site) as load:
        kept, _, _ = before.partition("[listener.")
        text = kept + BROKEN.format(port=site.port("mx"), other=site.port("pop3"))
        site.path.write_text(text)
        site.process.send_signal(signal.SIGHUP)
        told = site.wait("generation.failed")
        load.more()
    lines = text.splitlines()
    findings = "\n".join(told["findings"])
    for wanted, hint in [
        ('type = "smpt"', 'did you mean "smtp"?'),
        ('idel = "5m"', 'did you mean "idle"?'),
        ('tls = "mian"', 'did you mean "main"?'),
        ('type = "wrod"', 'no plugin "filter.wrod" is installed'),
    ]:
        matching = [one for one in told["findings"] if hint in one]
        assert len(matching) == 1, findings
        assert matching[0].startswith(f"{site.path}:{1 + lines.index(wanted)}: "), findings
    assert load.ended == 0
    nothing_is_lost(site, load)
    assert site.count("generation.ready") == 1
    site.path.write_text(before)
    site.reload()
    eventually(lambda: is_refused(site, "still") is False, "it serves")


def test_reload_after_reload(site):
    """Signals faster than generations: the last one counts, and nobody is dropped."""
    with Load(site, senders=2) as load:
        for _ in range(3):
            site.process.send_signal(signal.SIGHUP)
            site.wait("generation.starting", site.count("generation.starting"))
        site.reload()
        load.more()
    nothing_is_lost(site, load)
    assert not site.count("generation.failed")


def test_what_is_under_way_goes_on(tmp_path):
    """A message in the middle of its octets, and a client that waits in IDLE."""
    imap = {"type": "imap", "sasl": ["plain"], "plaintext_without_tls": True}
    with contextlib.ExitStack() as stack, running(tmp_path, imap=imap) as site:
        sender = smtplib.SMTP(HOST, site.port("mx"), "c.example", timeout=TIMEOUT_SECONDS)
        stack.callback(sender.close)
        sender.ehlo()
        sender.mail(SENDER)
        sender.rcpt(WHOM[0])
        assert sender.docmd("DATA")[0] == 354
        sender.sock.sendall(b"Subject: half\r\n\r\n")
        address = HOST, site.port("imap")
        client = stack.enter_context(socket.create_connection(address, TIMEOUT_SECONDS))
        lines = stack.enter_context(client.makefile("rb"))
        client.sendall(f'1 LOGIN alice "{PASSWORD}"\r\n2 SELECT INBOX\r\n3 IDLE\r\n'.encode())
        while not lines.readline().startswith(b"+"):
            pass
        site.reload()
        sender.sock.sendall(b"the other half\r\n.\r\n")
        assert sender.getreply()[0] == 250
        assert lines.readline() == b"* 1 EXISTS\r\n"
        client.sendall(b"DONE\r\n")
        told = lines.readlines()
        assert told[-2].startswith(b"3 OK")
        assert told[-1].startswith(b"* BYE [UNAVAILABLE]")
        assert sender.mail(SENDER)[0] == 421
        site.wait("generation.drained")
