"""What the mission's slides ask for, on the demo: the example script's five cases through SMTP and
IMAP, and POP-before-SMTP.

The demo's grants live for two seconds here. Tests wait for what they look at, never for a time.
Logins go on beside a question that needs a living grant, so a slow machine has one too.
"""

from __future__ import annotations

import contextlib
import imaplib
import json
import poplib
import re
import smtplib
import ssl
import threading

import pytest
import trio
from click.testing import CliRunner
from clients import TIMEOUT_SECONDS
from demo import HOST, Demo, free_base
from running import eventually
from thurn.app.command import part_of
from thurn.app.site import open_site
from thurn.cli.explain import explain
from thurn.config.files import read
from thurn.config.instances import load

pytestmark = pytest.mark.slow
SCRIPT = """\
require ["fileinto"];

if allof (header :contains "subject" "urgent") {
redirect "joerg@i250.de";

}

if allof (header :contains "subject" "kongress") {
fileinto "INBOX.KNF.Kongress";

}

elsif allof (header :contains "subject" "[tc]") {
fileinto "INBOX.KNF.Technik";

}

elsif allof (header :contains "subject" "ADV:") {
discard ;

}

else {
keep;

}
"""
OVERLAY = '[login.pop]\ninterval = "2s"\n'
THERE = "127.0.0.2"
ELSEWHERE = "y@elsewhere.example"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("slides"), free_base(), overlay=OVERLAY)
    yield running
    if running.process.poll() is None:
        running.stop()


def message(subject, author="ann@example.net"):
    return (
        f"From: <{author}>\r\nTo: <alice@example.org>\r\nSubject: {subject}\r\n\r\nText.\r\n"
    ).encode()


# POP-before-SMTP.


def read_mail(demo, name="alice"):
    client = poplib.POP3(HOST, demo.ports["pop3"], timeout=TIMEOUT_SECONDS)
    client.stls(ssl.create_default_context(cafile=str(demo.certificate)))
    client.user(name)
    client.pass_("demo")
    client.quit()


def relay(demo, *, source=HOST, sender="alice@example.org", author=None):
    """What a whole transaction to elsewhere comes to: the first refusal, or 250."""
    with smtplib.SMTP(
        HOST, demo.ports["smtp"], "client.example", TIMEOUT_SECONDS, (source, 0)
    ) as client:
        client.ehlo()
        for answer in (
            lambda: client.mail(sender),
            lambda: client.rcpt(ELSEWHERE),
            lambda: client.data(message("sent on", author or sender)),
        ):
            try:
                code, text = answer()
            except smtplib.SMTPDataError as error:  # DATA itself was refused
                code, text = error.smtp_code, error.smtp_error
            if code != 250:
                break
    assert code in (250, 550, 553), (code, text)
    assert code == 250 or text.startswith(b"5.7.1 "), text
    return code == 250


def grants(demo):
    return [g for g in json.loads(demo.command("relay", "who", "--json")) if "alice" in str(g)]


@contextlib.contextmanager
def granted(demo, name="alice"):
    """A grant that lives on: logins follow one another until the block ends."""
    enough = threading.Event()

    def log_in():
        while not enough.wait(0.1):
            read_mail(demo, name)

    read_mail(demo, name)
    thread = threading.Thread(target=log_in)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def test_refused_before_accepted_after_refused_when_the_interval_is_over(demo):
    assert not relay(demo)
    for _time in range(2):
        with granted(demo):
            assert relay(demo)
        eventually(lambda: not relay(demo), "the end of the interval")


def test_a_grant_is_listed(demo):
    with granted(demo):
        found = grants(demo)
    assert HOST in str(found[0])
    assert "login.pop" in str(found[0])


@pytest.mark.parametrize(
    "facts",
    [
        {"source": THERE},
        {"sender": "bob@example.org"},
        {"sender": "ann@example.net"},
        {"author": "bob@example.org"},
        {"author": "ann@example.net"},
    ],
    ids=str,
)
def test_what_a_grant_does_not_cover(demo, facts):
    with granted(demo):
        assert relay(demo)
        assert not relay(demo, **facts)
        assert relay(demo)


def test_another_account_has_its_own(demo):
    with granted(demo), granted(demo, "bob"):
        assert relay(demo)
        assert relay(demo, sender="bob@example.org")


# The script.


def send(demo, subject):
    """Send from afar; the transaction's id."""
    with smtplib.SMTP(
        HOST, demo.ports["smtp"], "client.example.net", timeout=TIMEOUT_SECONDS
    ) as client:
        client.ehlo()
        client.mail("ann@example.net")
        assert client.rcpt("alice@example.org")[0] == 250
        code, text = client.data(message(subject))
    assert code == 250, text
    return re.search(rb"\((\w+)\)$", text)[1].decode()


def mail(demo, name="alice"):
    """Mailbox → subjects, as IMAP shows them."""
    trust = ssl.create_default_context(cafile=str(demo.certificate))
    found = {}
    with imaplib.IMAP4_SSL(
        HOST, demo.ports["imaps"], ssl_context=trust, timeout=TIMEOUT_SECONDS
    ) as client:
        client.login(name, "demo")
        for line in client.list()[1]:
            mailbox = line.rpartition(b' "/" ')[2].decode()
            client.select(mailbox, readonly=True)
            items = client.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
            subjects = [i[1].decode().strip() for i in items if isinstance(i, tuple)]
            if subjects:
                found[mailbox] = [one.removeprefix("Subject: ") for one in subjects]
    return found


CASES = {
    "URGENT: read this": ("INBOX", "joerg@i250.de"),
    "Der Kongress in Neuhaus": ("INBOX.KNF.Kongress", None),
    "[TC] Treffen": ("INBOX.KNF.Technik", None),
    "ADV: cheap": (None, None),
    "hello": ("INBOX", None),
}


def story(demo, identifier):
    """What `thurn explain` tells; asked in this process, which is sooner. It runs a loop of its
    own, so it is called in a thread."""
    words = ["--config", str(demo.directory / "thurn.toml"), "--config", str(demo.overlay)]
    return CliRunner().invoke(explain, [*words, identifier]).output


async def queued(demo):
    """(sender, recipients, octets) of what waits in the queue of a demo that does not run."""
    config = load(read([demo.directory / "thurn.toml", demo.overlay]))
    part, with_log = part_of(config, ["queue"])
    async with open_site(part, with_log=with_log, serving=False) as site:
        queue = site.products["queue", "main"]
        found = []
        for _ in await queue.entries():
            lease = await queue.next_lease()
            to = [str(one.address) for one in lease.envelope.recipients]
            found.append((str(lease.envelope.sender), to, (await lease.content()).read()))
        return found


async def test_the_script_of_the_slides(demo, tmp_path):
    """The last test of the file, for it ends the demo."""
    try:
        script = tmp_path / "slides.sieve"
        script.write_text(SCRIPT)
        demo.command("sieve", "put", "--activate", "alice", "slides", str(script))
        stories, expected = {}, mail(demo)
        for subject, (mailbox, _) in CASES.items():
            identifier = send(demo, subject)
            if mailbox:
                expected.setdefault(mailbox, []).append(subject)
            assert mail(demo) == expected, subject
            stories[subject] = await trio.to_thread.run_sync(story, demo, identifier)
        assert stories[subject] == demo.command("explain", identifier)
    finally:
        demo.kill()
    for subject, (mailbox, address) in CASES.items():
        assert ("joerg@i250.de" in stories[subject]) == (address is not None), stories[subject]
        assert ("discard" in stories[subject]) == (mailbox is None), stories[subject]
    waiting = await queued(demo)  # it survives the power cut, as what was relayed above does
    [(sender, octets)] = [(by, octets) for by, to, octets in waiting if to == ["joerg@i250.de"]]
    assert sender == "ann@example.net"
    assert octets.endswith(message("URGENT: read this"))
