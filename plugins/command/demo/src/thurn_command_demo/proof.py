"""The demo proves itself before it says ready: a message through submission, read back by POP3.

With an account of its own, over TLS with the demo's certificate checked, by the standard library's
own clients.
"""

from __future__ import annotations

import poplib
import secrets
import smtplib
import ssl
import time
from typing import Final

from thurn_command_demo.site import HOST, PROVER, DemoSite

TIMEOUT_SECONDS: Final = 10.0


class ProofError(Exception):
    """What was sent did not come back as it was sent."""


def prove(site: DemoSite, password: str) -> float:
    """Send a message and read it back; returns the seconds it took.

    Raises:
        ProofError: it is not there, or not as it was sent.
        OSError, smtplib.SMTPException, poplib.error_proto: a step failed.
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
    client = poplib.POP3_SSL(HOST, site.ports["pop3s"], timeout=int(TIMEOUT_SECONDS), context=trust)
    client.user(PROVER)
    client.pass_(password)
    found = False
    for number in range(client.stat()[0], 0, -1):
        lines = client.retr(number)[1]
        found = found or token.encode() in lines
        client.dele(number)
    client.quit()
    if not found:
        raise ProofError("the message that was sent is not in the mailbox")
