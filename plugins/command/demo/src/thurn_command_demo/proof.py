"""The demo's own test: a message goes through submission, is filed by Sieve and read back by IMAP.

The test uses an account of its own and the standard library's clients, over TLS, and checks the
demo's certificate.
"""

from __future__ import annotations

import imaplib
import secrets
import smtplib
import ssl
import time
from typing import Any, Final

from thurn_command_demo.site import HOST, PROVER, DemoSite

TIMEOUT_SECONDS: Final = 10.0
"""How long the test waits for an answer of the server, in seconds."""
MAILBOX: Final = "Proof"
"""The mailbox into which the prover's script files the message, which creates it."""


class ProofError(Exception):
    """The message did not come back as it was sent."""


def proof_script() -> str:
    """The prover's Sieve script."""
    return (
        f'require ["fileinto"];\r\nif header :is "subject" "proof" {{ fileinto "{MAILBOX}"; }}\r\n'
    )


def prove(site: DemoSite, password: str) -> float:
    """Send a message and read it back, and return the seconds that this took.

    Raises:
        ProofError: the message is missing, or differs from what was sent.
        OSError, smtplib.SMTPException, imaplib.IMAP4.error: a step failed.
    """
    started = time.monotonic()
    trust = ssl.create_default_context(cafile=str(site.certificate))
    token = secrets.token_hex(16)
    _send(site, password, trust, token)
    _read_back(site, password, trust, token)
    return time.monotonic() - started


def _send(site: DemoSite, password: str, trust: ssl.SSLContext, token: str) -> None:
    address = f"{PROVER}@{site.domain}"
    message = f"From: <{address}>\r\nTo: <{address}>\r\nSubject: proof\r\n\r\n{token}\r\n"
    port = site.ports["submission"]
    with smtplib.SMTP(HOST, port, "localhost", timeout=TIMEOUT_SECONDS) as client:
        client.starttls(context=trust)
        client.login(PROVER, password)
        client.sendmail(address, [address], message)


def _read_back(site: DemoSite, password: str, trust: ssl.SSLContext, token: str) -> None:
    client = imaplib.IMAP4_SSL(
        HOST, site.ports["imaps"], ssl_context=trust, timeout=TIMEOUT_SECONDS
    )
    client.login(PROVER, password)
    _expect(client.select(MAILBOX))
    found = False
    for number in _expect(client.search(None, "UNSEEN"))[0].split():
        parts = _expect(client.fetch(number, "(BODY[TEXT])"))
        found = found or any(token.encode() in part[1] for part in parts if isinstance(part, tuple))
        _expect(client.store(number, "+FLAGS", "\\Deleted"))
    _expect(client.expunge())
    client.logout()
    if not found:
        raise ProofError(f"the message that was sent is not in the mailbox {MAILBOX}")


def _expect(answer: tuple[str, list[Any]]) -> list[Any]:
    if answer[0] != "OK":
        raise ProofError(f"the answer of IMAP was {answer}")
    return answer[1]
