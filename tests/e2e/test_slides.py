"""What the mission's slides ask for, on the demo: the example script's five cases through SMTP and
IMAP, and POP-before-SMTP.

The demo's grants live for a few seconds here. Tests wait for what they look at, never for a time;
who needs a living grant proves afterwards that it lived all the while.
"""

from __future__ import annotations

import imaplib
import json
import os
import poplib
import re
import smtplib
import ssl
import time

import pytest
from demo import HOST, Demo, free_base
from thurn.app.command import part_of
from thurn.app.site import open_site
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
OVERLAY = '[login.pop]\ninterval = "3s"\n'
TRIES = 5
DEADLINE_SECONDS = 20
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


# The script.


def send(demo, subject):
    """Send from afar; the transaction's id."""
    with smtplib.SMTP(HOST, demo.ports["smtp"], "client.example.net", timeout=10) as client:
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
    with imaplib.IMAP4_SSL(HOST, demo.ports["imaps"], ssl_context=trust, timeout=10) as client:
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


async def test_the_script_of_the_slides(tmp_path):
    demo = Demo(tmp_path, free_base(), overlay=OVERLAY)
    try:
        script = tmp_path / "slides.sieve"
        script.write_text(SCRIPT)
        demo.command("sieve", "put", "--activate", "alice", "slides", str(script))
        stories = {}
        for subject, (mailbox, _) in CASES.items():
            before = mail(demo)
            identifier = send(demo, subject)
            after = mail(demo)
            expected = {name: list(subjects) for name, subjects in before.items()}
            if mailbox:
                expected.setdefault(mailbox, []).append(subject)
            assert after == expected, subject
            stories[subject] = demo.command("explain", identifier)
    finally:
        demo.kill()
    for subject, (mailbox, address) in CASES.items():
        assert ("joerg@i250.de" in stories[subject]) == (address is not None), stories[subject]
        assert ("discard" in stories[subject]) == (mailbox is None), stories[subject]
    [(sender, recipients, octets)] = await queued(demo)  # it survives the power cut
    assert (sender, recipients) == ("ann@example.net", ["joerg@i250.de"])
    assert octets.endswith(message("URGENT: read this"))


# POP-before-SMTP.


def read_mail(demo, name="alice"):
    client = poplib.POP3(HOST, demo.ports["pop3"], timeout=10)
    client.stls(ssl.create_default_context(cafile=str(demo.certificate)))
    client.user(name)
    client.pass_("demo")
    client.quit()


def relay(demo, *, source=HOST, sender="alice@example.org", author=None):
    """What a whole transaction to elsewhere comes to: the first refusal, or 250."""
    with smtplib.SMTP(HOST, demo.ports["smtp"], "client.example", 10, (source, 0)) as client:
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


def while_granted(demo, question):
    """The answer under a grant that lived before and after."""
    for _ in range(TRIES):
        read_mail(demo)
        first = relay(demo)
        answer = question()
        if first and relay(demo):
            return answer
    raise AssertionError(f"a login grants nothing, or the question takes longer: {grants(demo)}")


def until_refused(demo):
    deadline = time.monotonic() + DEADLINE_SECONDS
    while relay(demo):
        assert time.monotonic() < deadline, grants(demo)
        os.sched_yield()


def test_refused_before_accepted_after_refused_when_the_interval_is_over(demo):
    assert not relay(demo)
    while_granted(demo, lambda: None)
    until_refused(demo)
    read_mail(demo)
    while_granted(demo, lambda: None)


def test_a_grant_is_listed(demo):
    def listed():
        read_mail(demo)
        return grants(demo)

    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (found := listed()):  # the command's start may take longer than the grant lives
        assert time.monotonic() < deadline
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
    assert not while_granted(demo, lambda: relay(demo, **facts))


def test_another_account_has_its_own(demo):
    def by_bob():
        read_mail(demo, "bob")
        return relay(demo, sender="bob@example.org")

    assert while_granted(demo, by_bob)
