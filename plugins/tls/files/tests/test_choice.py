"""Which certificate a client gets for a name."""

from __future__ import annotations

import ssl
import subprocess
import sys

import pytest
from thurn_testing.contracts.tls import careless_client, handshake
from thurn_tls_files.names import find_name


async def test_by_the_certificates_own_names(opened, issue, served):
    others = [issue("net", "mx.example.net"), issue("wild", "*.example.com")]
    async with opened(**issue("mx", "mx.example.com"), certificates=others) as (provider, _):
        default, net, wild = (
            served(provider, n) for n in (None, "mx.example.net", "b.example.com")
        )
        assert len({default, net, wild}) == 3
        assert served(provider, "mx.example.com") == default
        assert served(provider, "MX.Example.Net") == net
        for unknown in ("example.net", "a.b.example.com", "example.com", "x.mx.example.net", "net"):
            assert served(provider, unknown) == default


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        ("a.example", 1), ("A.Example.", 1), ("b.example", 2), ("b.b.example", None), ("", None),
        (".example", None), ("example", None), ("*.example", 2), ("x" * 100_000, None), (".", None),
        ("..", None), ("a.example\0", None), ("../a.example", None),
    ],
)  # fmt: skip
def test_names(asked, number):
    assert find_name({"a.example": 1, "*.example": 2}, asked) == number


async def test_each_context_knows_its_certificate(opened, issue):
    async with opened(
        **issue("mx", "mx.example.com"), certificates=[issue("net", "mx.example.net")]
    ) as (
        provider,
        _,
    ):
        for name in (None, "mx.example.net"):
            found = handshake(provider.server_context(), careless_client(), name)
            assert found.noted == found.certificate != b""


async def test_names_in_a_hello_that_are_not_text(opened, issue, served):
    others = [issue("net", "mx.example.net")]
    async with opened(**issue("mx", "mx.example.com"), certificates=others) as (provider, _):
        to_client, to_server, out = ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO()
        client = careless_client().wrap_bio(to_client, to_server, server_hostname="mx.example.net")
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        hello = ssl.MemoryBIO()
        hello.write(to_server.read().replace(b"mx.example.net", b"mx\0example.net"))
        server = provider.server_context().wrap_bio(hello, out, server_side=True)
        with pytest.raises(ssl.SSLError, match="BAD_EXTENSION"):
            server.do_handshake()
        assert served(provider)


async def test_only_tls_13_where_set(opened, issue):
    async with opened(**issue("mx", "mx.example.com"), minimum_version="1.3") as (provider, _):
        client = careless_client()
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError):
            handshake(provider.server_context(), client, None)


async def test_ciphers_of_tls_12(opened, issue):
    async with opened(**issue("mx", "mx.example.com")) as (provider, _):
        for ciphers, works in (("ECDHE+AESGCM", True), ("ECDHE+AES:!AESGCM:!AESCCM", False)):
            client = careless_client()
            client.maximum_version = ssl.TLSVersion.TLSv1_2
            client.set_ciphers(ciphers)
            if works:
                handshake(provider.server_context(), client, None)
                continue
            with pytest.raises(ssl.SSLError):
                handshake(provider.server_context(), client, None)


@pytest.mark.slow
def test_one_pair_needs_no_library(issue):
    pair = issue("mx", "mx.example.com")
    code = (
        "import sys; from pathlib import Path; from thurn_tls_files.provider import FilesProvider;"
        "from thurn_tls_files.settings import FilesSettings;"
        "from thurn_testing.fakes.context import FakeContext;"
        "settings = FilesSettings(certificate=sys.argv[1], key=sys.argv[2]);"
        "FilesProvider(settings, FakeContext(Path('.'))).server_context();"
        "assert 'cryptography' not in sys.modules"
    )
    command = [sys.executable, "-c", code, str(pair["certificate"]), str(pair["key"])]
    assert subprocess.run(command, check=False).returncode == 0
