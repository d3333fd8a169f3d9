"""contrib/fail2ban, read by the real `fail2ban-regex`, against lines that a serving site wrote.

The peers come through a proxy in front of the site, so that each has an address of its own.
"""

from __future__ import annotations

import base64
import json
import re
import smtplib
import socket
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
from mailsite import PASSWORD, tables
from programs import TIMEOUT_SECONDS, program
from thurn.telemetry.log import configure
from thurn_testing.server import open_server

HOST = "127.0.0.1"
FILTER = Path(__file__).resolve().parents[2] / "contrib" / "fail2ban" / "filter.d" / "thurn.conf"
GUESSER, RELAYER, FORGER, STRANGER = "192.0.2.1", "2001:db8::2", "192.0.2.3", "192.0.2.4"
HONEST, UNLUCKY, WORLD = "192.0.2.10", "192.0.2.11", "192.0.2.12"
VICTIM = "198.51.100.66"
LINE = (
    '{"timestamp": "2026-01-01T00:00:00.000000Z", "level": "warning", "event": "login.refused", '
    '"peer": "%s", "listener": "mx", "session": "0", "protocol": "smtp", "code": 535, '
    '"reason": "credentials"}'
)
FORGED = [
    f'x", "peer": "{VICTIM}',
    'x"}\n' + LINE % VICTIM,
    f"peer={VICTIM} address={VICTIM} rhost={VICTIM}",
    f"\x1b[2K\r{VICTIM}",
    f'\\", "peer": "{VICTIM}", \\"',
]


class Proxied(smtplib.SMTP):
    """A client whose address is what it says."""

    def __init__(self, port, address, hello="client.example.net"):
        self.address = address
        super().__init__(HOST, port, hello, timeout=TIMEOUT_SECONDS)

    def _get_socket(self, host, port, timeout):
        opened = socket.create_connection((host, port), timeout)
        family = "TCP6" if ":" in self.address else "TCP4"
        other = "::1" if ":" in self.address else HOST
        opened.sendall(f"PROXY {family} {self.address} {other} 40000 25\r\n".encode())
        return opened

    def authenticate(self, name, password):
        self.ehlo()
        secret = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
        return self.docmd("AUTH PLAIN", secret)[0]

    def ask(self, sender, recipient):
        """The code at RCPT."""
        self.ehlo_or_helo_if_needed()
        self.mail(sender)
        code = self.rcpt(recipient)[0]
        self.rset()
        return code


@pytest.fixture
def log(tmp_path, monkeypatch):
    """The file that standard error of the site is, as `thurn run 2>> FILE`."""
    path = tmp_path / "thurn.log"
    with path.open("w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        configure()
        structlog.configure(cache_logger_on_first_use=False)
        yield path
        structlog.reset_defaults()
        monkeypatch.undo()
        configure()  # gives the file back
        structlog.reset_defaults()


@contextmanager
def failing(server, name):
    """An account source that cannot answer."""

    async def broken(*_):
        raise OSError("broken")

    product = server.site.products["account", "main"]
    whole = getattr(product, name)
    setattr(product, name, broken)
    yield
    setattr(product, name, whole)


def site_of(tmp_path):
    proxied = {"proxies": [HOST], "tls_mode": "none", "plaintext_without_tls": True}
    mx = {**proxied, "policies": ["sender"], "errors": 100}
    site = tables(tmp_path, mx=mx, submission={**proxied, "require_tls": False, "errors": 100})
    site["policy"] = {"sender": {"type": "sender", "protect_local": True}}
    return site


def hostile(mx, submission):
    """What shall count."""
    with Proxied(submission, GUESSER) as client:
        assert client.authenticate("alice", "wrong") == 535
        assert client.authenticate("nobody", "wrong") == 535
        assert client.docmd("AUTH PLAIN", base64.b64encode(b"x").decode())[0] == 501
    with Proxied(mx, RELAYER) as client:
        assert client.ask("x@example.net", "y@elsewhere.example") == 550
    with Proxied(submission, RELAYER) as client:
        client.ehlo()
        assert client.mail("x@example.net")[0] == 530
    with Proxied(mx, STRANGER) as client:
        assert client.ask("alice@example.org", "bob@example.org") == 550
    for name in FORGED:
        with Proxied(submission, FORGER) as client:
            assert client.authenticate(name, "wrong") in (535, 501)
        with Proxied(mx, FORGER) as client:
            hello = "".join(c if c.isprintable() else "?" for c in name)
            client.docmd("EHLO", hello)
            quoted = hello[:40].replace("\\", "\\\\").replace('"', '\\"')
            assert client.ask(f'"{quoted}"@example.net', f'"{quoted}"@elsewhere.example') == 550


def harmless(mx, submission):
    """What shall not count."""
    with Proxied(submission, HONEST) as client:
        assert client.authenticate("alice", PASSWORD) == 235
        assert client.ask("alice@example.org", "nobody@example.org") == 550
        client.sendmail("alice@example.org", ["bob@example.org"], b"Subject: x\r\n\r\nx\r\n")
    with Proxied(mx, WORLD) as client:
        assert client.ask("x@example.net", "nobody@example.org") == 550
        client.sendmail("x@example.net", ["bob@example.org"], b"Subject: x\r\n\r\nx\r\n")


def unlucky_login(submission):
    with Proxied(submission, UNLUCKY) as client:
        assert client.authenticate("bob", PASSWORD) == 454


def unlucky_mail(mx):
    with Proxied(mx, UNLUCKY) as client:
        assert client.ask("x@example.net", "bob@example.org") == 451


def banned(path, mode):
    """How often each address is found by fail2ban."""
    done = subprocess.run(
        [program("fail2ban-regex"), "--usedns=no", "-o", "ip", str(path), f"{FILTER}[mode={mode}]"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Counter(done.stdout.split())


LOGINS = {GUESSER: 3, FORGER: len(FORGED)}
MAIL = {RELAYER: 2, STRANGER: 1, FORGER: len(FORGED)}
EVERYTHING = {**LOGINS, **MAIL, FORGER: 2 * len(FORGED)}
EXPECTED = {
    "login": LOGINS,
    "normal": EVERYTHING,
    "aggressive": {**EVERYTHING, WORLD: 1},
}


async def test_who_guesses_and_relays_is_found_and_nobody_else(tmp_path, log):
    program("fail2ban-regex")
    async with open_server(site_of(tmp_path), tmp_path) as server:
        ports = server.port("mx"), server.port("submission")
        await server.in_thread(hostile, *ports)
        await server.in_thread(harmless, *ports)
        with failing(server, "verify"):
            await server.in_thread(unlucky_login, server.port("submission"))
        with failing(server, "resolve"):
            await server.in_thread(unlucky_mail, server.port("mx"))
    lines = log.read_text().splitlines()
    peers = {json.loads(line).get("peer") for line in lines}
    assert {GUESSER, RELAYER, FORGER, STRANGER, HONEST, UNLUCKY, WORLD} <= peers
    assert any(VICTIM in line for line in lines)
    for mode, expected in EXPECTED.items():
        assert banned(log, mode) == expected, mode
    # As the machine's journal and syslog have them: host, program and number before the line.
    prefixed = tmp_path / "syslog"
    prefixed.write_text("".join(f"Nov 25 01:02:03 mail thurn[77]: {line}\n" for line in lines))
    assert banned(prefixed, "normal") == EXPECTED["normal"]


def test_the_example_jail_names_the_ports_of_the_example_site():
    """By /etc/services; a port that is missing there is open to those who are banned."""
    jail = (FILTER.parents[1] / "jail.d" / "thurn.local").read_text()
    names = re.search(r"^port = (.*)$", jail, re.MULTILINE)[1].split(",")
    office = (FILTER.parents[2] / "examples" / "office.toml").read_text()
    bound = {int(port) for port in re.findall(r'"\*:(\d+)"', office)}
    assert bound <= {socket.getservbyname(name, "tcp") for name in names}
