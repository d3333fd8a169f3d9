"""Blocking clients of the standard library, each call in a thread of the test."""

from __future__ import annotations

import poplib
import re
import smtplib
import ssl
from contextlib import closing, contextmanager

from mailsite import PASSWORD

HOST = "127.0.0.1"
TIMEOUT_SECONDS = 100
"""How long a client waits for an answer: long enough for a slow and busy machine."""


def unverified():
    """A context that trusts everybody, and so loads no authorities, which takes long."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def secured(port):
    """A session under STARTTLS."""
    with smtplib.SMTP(HOST, port, "client.example.net", timeout=TIMEOUT_SECONDS) as client:
        client.starttls(context=unverified())
        yield client


def send(port, sender, recipients, message, *, login=None):
    with secured(port) as client:
        if login:
            client.login(login, PASSWORD)
        return client.sendmail(sender, recipients, message)


def lmtp(port, sender, recipients, message):
    """Each recipient's final answer; the library's own sendmail reads only the first."""
    with smtplib.LMTP(HOST, port, "client.example.net") as client:
        client.ehlo()
        assert client.mail(sender)[0] == 250
        answers = {whom: client.rcpt(whom) for whom in recipients}
        accepted = [whom for whom, (code, _) in answers.items() if code == 250]
        client.putcmd("data")
        assert client.getreply()[0] == 354
        client.sock.sendall(smtplib._quote_periods(message) + b".\r\n")
        answers.update({whom: client.getreply() for whom in accepted})
        return {whom: answer for whom, answer in answers.items() if answer[0] != 250}


def bdat(port, sender, recipient, message, *, size=700):
    """By BDAT in chunks."""
    with smtplib.SMTP(HOST, port, "client.example.net", timeout=TIMEOUT_SECONDS) as client:
        client.ehlo()
        client.mail(sender)
        client.rcpt(recipient)
        chunks = [message[at : at + size] for at in range(0, len(message), size)] or [b""]
        for index, chunk in enumerate(chunks):
            last = b" LAST" if index == len(chunks) - 1 else b""
            client.sock.sendall(b"BDAT %d%s\r\n" % (len(chunk), last) + chunk)
            code, text = client.getreply()
            assert code == 250, text
        return text.decode()


def fetch(port, account, *, delete=False):
    """All messages by RETR, exactly as they are, with unique-ids and listed sizes."""
    client = poplib.POP3_SSL(HOST, port, timeout=TIMEOUT_SECONDS, context=unverified())
    with closing(client):
        client.user(account)
        client.pass_(PASSWORD)
        count = client.stat()[0]
        uids = [line.split()[1].decode() for line in client.uidl()[1]]
        messages = []
        for number in range(1, count + 1):
            lines = client.retr(number)[1]
            messages.append(b"".join(line + b"\r\n" for line in lines))
            if delete:
                client.dele(number)
        client.quit()
    return dict(zip(uids, messages, strict=True))


def without_return_path(octets):
    """A message as it is delivered: without the Return-Path that it brought (RFC 5321 §4.4)."""
    header, blank, body = octets.partition(b"\r\n\r\n")
    field = rb"^return-path[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*"
    kept = re.sub(field, b"", header + b"\r\n", flags=re.IGNORECASE | re.MULTILINE)
    return kept[:-2] + blank + body
