"""All starts and workers use the same certificate, until a new one is needed."""

from __future__ import annotations

import ssl
import subprocess
import sys

import pytest
from thurn_testing.contracts.tls import careless_client, handshake, trusting_client
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext
from thurn_tls_selfsigned.factory import SelfSignedSettings, selfsigned
from thurn_tls_selfsigned.keeper import keep

PLAIN = SelfSignedSettings()


async def served(context, settings=PLAIN):
    async with selfsigned.open(settings, context) as provider:
        return handshake(provider.server_context(), careless_client(), None).certificate


async def test_the_next_start_has_the_same_certificate(tmp_path):
    first, second = FakeContext(tmp_path), FakeContext(tmp_path)
    assert await served(first) == await served(second)
    assert [line.event for line in first.diagnostics.lines] == ["certificate.made"]
    assert second.diagnostics.lines == []


async def test_only_the_owner_reads_the_key(tmp_path):
    await served(FakeContext(tmp_path))
    assert (tmp_path / "pair.pem").stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in (tmp_path / "certificate.pem").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["certificate.pem", "lock", "pair.pem"]


async def test_changed_names_make_a_new_one(tmp_path):
    before = await served(FakeContext(tmp_path))
    async with selfsigned.open(
        SelfSignedSettings(names=("new.example",)), FakeContext(tmp_path)
    ) as provider:
        client = trusting_client(provider.certificate)
        found = handshake(provider.server_context(), client, "new.example")
    assert found.certificate != before
    assert found.names == {
        "mx.example.org",
        "localhost",
        "127.0.0.1",
        "0:0:0:0:0:0:0:1",
        "new.example",
    }


async def test_an_old_certificate_is_replaced(tmp_path):
    clock = ManualClock()
    before = await served(FakeContext(tmp_path, clock=clock))
    clock.advance(9.9 * 365 * 86_400)
    assert await served(FakeContext(tmp_path, clock=clock)) == before
    clock.advance(0.1 * 365 * 86_400)
    assert await served(FakeContext(tmp_path, clock=clock)) != before


@pytest.mark.parametrize("octets", [b"", b"junk", b"thurn-selfsigned 1: x y\n", b"\xff\xfe"])
async def test_a_damaged_pair_is_replaced(tmp_path, octets):
    (tmp_path / "pair.pem").write_bytes(octets)
    assert await served(FakeContext(tmp_path))


async def test_a_lost_copy_is_written_again(tmp_path):
    await served(FakeContext(tmp_path))
    (tmp_path / "certificate.pem").unlink()
    await served(FakeContext(tmp_path))
    assert (tmp_path / "certificate.pem").exists()


async def test_strict_clients_accept_it(tmp_path):
    async with selfsigned.open(PLAIN, FakeContext(tmp_path)) as provider:
        client = trusting_client(provider.certificate)
        client.verify_flags |= ssl.VERIFY_X509_STRICT
        assert handshake(provider.server_context(), client, "localhost").version == "TLSv1.3"


async def test_a_name_that_cannot_be_in_a_certificate(tmp_path):
    with pytest.raises(ValueError):
        await served(FakeContext(tmp_path), SelfSignedSettings(names=("bücher.example",)))


MAKE = """
import sys
from pathlib import Path
from thurn_tls_selfsigned.keeper import keep
kept = keep(Path(sys.argv[1]), ("localhost",), 1.75e9)
print(kept.made, kept.pair.read_bytes().hex())
"""
FIND = """
import sys
from pathlib import Path
import thurn_tls_selfsigned.factory
from thurn_tls_selfsigned.keeper import keep
assert not keep(Path(sys.argv[1]), ("localhost",), 1.75e9).made
assert "cryptography" not in sys.modules
"""


def test_workers_that_start_together_have_the_same_certificate(tmp_path):
    command = [sys.executable, "-c", MAKE, str(tmp_path)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    found = [worker.communicate(timeout=30)[0].split() for worker in workers]
    assert sorted(made for made, _ in found) == ["False", "False", "True"]
    assert len({pair for _, pair in found}) == 1


@pytest.mark.slow
def test_a_valid_certificate_needs_no_library(tmp_path):
    keep(tmp_path, ("localhost",), 1.75e9)
    command = [sys.executable, "-c", FIND, str(tmp_path)]
    assert subprocess.run(command, check=False).returncode == 0
