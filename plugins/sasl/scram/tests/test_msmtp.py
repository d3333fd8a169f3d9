"""A foreign client (GNU SASL) logs in by SCRAM; it prepares the password (RFC 4013: ª is a)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from thurn_testing.scram import stored_text
from thurn_testing.server import open_server

ACCOUNTS = f"""
domains = ["example.org"]

[accounts.alice]
stored_keys = {{ "SCRAM-SHA-256" = "{stored_text("SCRAM-SHA-256", "sécret a")}" }}
"""
TABLES = {
    "site": {"hostname": "mx.example.org", "accounts": ["main"], "store": "main",
             "state": "main"},
    "state": {"main": {"type": "memory"}},
    "account": {"main": {"type": "file", "file": "accounts.toml"}},
    "store": {"main": {"type": "memory"}},
    "tls": {"main": {"type": "selfsigned"}},
    "sasl": {"scram": {"type": "scram"}},
    "listener": {
        "submission": {
            "type": "smtp", "profile": "submission", "bind": ["127.0.0.1:0"], "tls": "main",
            "sasl": ["scram"],
        },
    },
}  # fmt: skip


def msmtp():
    program = shutil.which("msmtp")
    if program is None and os.environ.get("THURN_REQUIRE_INTEROP"):
        pytest.fail("msmtp is not installed")
    return program or pytest.skip("msmtp is not installed")


def send(program, site, password, mechanism, *, trust):
    command = [
        program,
        "--file=/dev/null",
        "--host=localhost",
        f"--port={site.port('submission')}",
        "--tls=on",
        f"--tls-trust-file={trust}",
        f"--auth={mechanism}",
        "--user=alice",
        f"--passwordeval=echo '{password}'",
        "--from=alice@example.org",
        "alice@example.org",
    ]
    message = b"From: alice@example.org\r\nSubject: x\r\n\r\nbody\r\n"
    done = subprocess.run(command, input=message, capture_output=True, timeout=30, check=False)
    return done.returncode, done.stderr


@pytest.mark.interop
@pytest.mark.slow
async def test_msmtp(tmp_path):
    program = msmtp()
    (tmp_path / "accounts.toml").write_text(ACCOUNTS)
    (tmp_path / "accounts.toml").chmod(0o600)
    async with open_server(TABLES, tmp_path) as site:
        trust = Path(site.site.data) / "tls" / "main" / "certificate.pem"
        for mechanism in ("scram-sha-256", "on"):
            code, errors = await site.in_thread(
                send, program, site, "sécret ª", mechanism, trust=trust
            )
            assert code == 0, errors
        code, errors = await site.in_thread(
            send, program, site, "wrong", "scram-sha-256", trust=trust
        )
        assert code != 0
        assert b"535" in errors
