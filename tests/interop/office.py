"""An account of the running demo as its tests see it: what is in it, and what happens to it.

By the standard library's client over TLS, with the demo's certificate checked; the programs under
test are others.
"""

from __future__ import annotations

import imaplib
import json
import re
import smtplib
import socket
import ssl

HOST = "127.0.0.1"
PASSWORD = "demo"
GIVEN = {"INBOX", "Sent", "Drafts", "Junk", "Trash", "Archive"}
"""The mailboxes that the demo gives a new account."""


def message(subject, body="A body.", **fields):
    """A message as it is on the wire."""
    lines = ["From: Ann <ann@example.net>", "To: bob@example.org", f"Subject: {subject}"]
    lines += ["Date: Mon, 2 Jun 2025 10:00:00 +0200"]
    lines += [f"Message-ID: <{re.sub(r'[^A-Za-z0-9]', '-', subject)}@example.net>"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", body, ""]).encode()


def ok(answer):
    """The data of a command that succeeded."""
    kind, data = answer
    assert kind == "OK", answer
    return data


class Office:
    """One account; `home` is a directory for a program's files."""

    def __init__(self, demo, name, home):
        self.demo, self.name, self.home = demo, name, home
        self.address = f"{name}@example.org"
        self.certificate = str(demo.certificate)
        self.trust = ssl.create_default_context(cafile=self.certificate)

    def __enter__(self):
        self.client = self.connect()
        return self

    def __exit__(self, *_):
        self.client.logout()

    def port(self, listener):
        return self.demo.ports[listener]

    def connect(self):
        """A new IMAP connection that is logged in."""
        client = imaplib.IMAP4_SSL(HOST, self.port("imaps"), ssl_context=self.trust, timeout=10)
        # The library writes a literal and its line end apart; the second would wait for an ACK.
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.login(self.name, PASSWORD)
        return client

    def put(self, mailbox, octets, flags=""):
        ok(self.client.append(mailbox, flags or None, None, octets))

    def send(self, octets, sender="ann@example.net"):
        """From afar, as everybody's mail comes."""
        with smtplib.SMTP(HOST, self.port("smtp"), "client.example.net", timeout=10) as client:
            client.sendmail(sender, [self.address], octets)

    def mailboxes(self):
        lines = ok(self.client.list())
        return {line.rpartition(b' "/" ')[2].strip(b'"').decode() for line in lines if line}

    def mail(self, mailbox="INBOX"):
        """Subject → (flags, octets) of each message."""
        ok(self.client.select(f'"{mailbox}"', readonly=True))
        found = {}
        for item in ok(self.client.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")):
            if isinstance(item, tuple):
                flags = set(re.search(rb"FLAGS \(([^)]*)\)", item[0])[1].decode().split())
                subject = re.search(rb"(?mi)^Subject: ([^\r]*)\r$", item[1])[1].decode()
                assert subject not in found, f"twice: {subject}"
                found[subject] = (flags - {"\\Recent"}, item[1])
        ok(self.client.unselect())
        return found

    def subjects(self, mailbox="INBOX"):
        """Subject → flags."""
        return {subject: flags for subject, (flags, _) in self.mail(mailbox).items()}

    def store(self, mailbox, subject, change, flags):
        """Change flags of the one message with this subject; deleted ones go at once."""
        ok(self.client.select(f'"{mailbox}"'))
        (number,) = ok(self.client.search(None, "SUBJECT", f'"{subject}"'))[0].split()
        ok(self.client.store(number, change, flags))
        ok(self.client.close() if "Deleted" in flags else self.client.unselect())

    def logins(self):
        """(protocol, mechanism) of each login of this account, as the demo's log says it."""
        lines = (self.demo.directory.parent / "log").read_text().splitlines()
        events = (json.loads(line) for line in lines if '"login.succeeded"' in line)
        return [(e["protocol"], e["mechanism"]) for e in events if e["account"] == self.name]

    def numbers(self, mailbox):
        """What moves when anything in the mailbox changes."""
        items = "(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"
        (line,) = ok(self.client.status(f'"{mailbox}"', items))
        return line.partition(b" (")[2]
