"""Foreign programs from the distribution's packages, over TLS, against the whole site."""

from __future__ import annotations

import pytest
from clients import HOST, fetch, lmtp
from mailsite import PASSWORD, tables
from programs import call, program
from thurn_testing.server import open_server

pytestmark = pytest.mark.interop


@pytest.fixture
async def server(tmp_path):
    async with open_server(tables(tmp_path), tmp_path) as running:
        yield running


def trust(server):
    return str(server.site.data / "tls" / "main" / "certificate.pem")


async def test_swaks(server, tmp_path):
    swaks = program("swaks")
    await server.in_thread(
        call,
        swaks,
        "--server",
        HOST,
        "--port",
        str(server.port("submission")),
        "-tls",
        "--auth",
        "PLAIN",
        "--auth-user",
        "alice",
        "--auth-password",
        PASSWORD,
        "--from",
        "alice@example.org",
        "--to",
        "bob@example.org",
        "--header",
        "Subject: by swaks",
        "--body",
        "hello",
        cwd=tmp_path,
    )
    (octets,) = (await server.in_thread(fetch, server.port("pop3s"), "bob")).values()
    assert b"Subject: by swaks\r\n" in octets


async def test_msmtp(server, tmp_path):
    msmtp = program("msmtp")
    rc = tmp_path / "msmtprc"
    rc.write_text(
        f"account default\nhost {HOST}\nport {server.port('submission')}\nfrom alice@example.org\n"
        f"auth plain\nuser alice\npassword {PASSWORD}\ntls on\ntls_starttls on\n"
        f"tls_trust_file {trust(server)}\n"
    )
    rc.chmod(0o600)
    message = b"From: alice@example.org\nTo: bob@example.org\nSubject: by msmtp\n\n.dot\n"
    await server.in_thread(
        call, msmtp, "-C", str(rc), "bob@example.org", cwd=tmp_path, stdin=message
    )
    (octets,) = (await server.in_thread(fetch, server.port("pop3s"), "bob")).values()
    assert octets.endswith(b"Subject: by msmtp\r\n\r\n.dot\r\n")


async def test_fetchmail(server, tmp_path):
    fetchmail = program("fetchmail")
    for number in range(3):
        message = f"Subject: number {number}\r\n\r\n.dot\r\n".encode()
        await server.in_thread(_put, server.port("lmtp"), message)
    taken = tmp_path / "taken"
    taken.mkdir()
    mda = tmp_path / "mda"
    mda.write_text(f'#!/bin/sh\nexec cat > "{taken}/$$"\n')
    mda.chmod(0o700)
    rc = tmp_path / "fetchmailrc"
    rc.write_text(
        f"poll localhost service {server.port('pop3s')} proto pop3 user bob password "
        f'"{PASSWORD}" ssl sslcertck sslcertfile {trust(server)} fetchall mda "{mda}"\n'
    )
    rc.chmod(0o600)
    await server.in_thread(
        call,
        fetchmail,
        "-f",
        str(rc),
        "--nodetach",
        "--nosyslog",
        "-v",
        cwd=tmp_path,
        environment={"FETCHMAILHOME": str(tmp_path)},
    )
    subjects = sorted(
        line
        for path in taken.iterdir()
        for line in path.read_text().splitlines()
        if line.startswith("Subject")
    )
    assert subjects == ["Subject: number 0", "Subject: number 1", "Subject: number 2"]
    assert await server.in_thread(fetch, server.port("pop3s"), "bob") == {}


def _put(port, message):
    assert lmtp(port, "x@example.net", ["bob@example.org"], message) == {}
