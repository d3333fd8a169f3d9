"""HAProxy and stunnel in front of a site: the real peer is judged, and where TLS ends is known."""

from __future__ import annotations

import poplib
import smtplib
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from programs import program

sys.path.append(str(Path(__file__).parents[1] / "e2e"))

from clients import HOST, TIMEOUT_SECONDS, unverified
from mailsite import PASSWORD
from running import eventually, free_port, running

pytestmark = pytest.mark.interop

PEER = "127.0.0.5"
"""The address that the client binds: the proxy's own is 127.0.0.1."""
MESSAGE = "Subject: through a proxy\r\n\r\nHello\r\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    def prepare(one):
        for name in ("mx", "pop3", "pop3s"):
            one.tables["listener"][name]["proxies"] = ["127.0.0.1"]

    with running(tmp_path_factory.mktemp("proxies"), prepare=prepare) as one:
        yield one


@pytest.fixture
def pair(site, tmp_path):
    """A certificate and its key in one file, as both proxies want them."""
    issued = trustme.CA().issue_cert("mail.example.org")
    path = tmp_path / "pair.pem"
    path.write_bytes(issued.private_key_and_cert_chain_pem.bytes())
    path.chmod(0o600)
    return path


@contextmanager
def proxied(*command, port):
    """A proxy that runs until the end of the block."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        eventually(lambda: is_open(port) or process.poll() is not None, "the proxy")
        assert process.poll() is None, process.stdout.read().decode()
        yield
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


@contextmanager
def haproxy(tmp_path, target, send, *, tls=""):
    port = free_port()
    path = tmp_path / "haproxy.cfg"
    path.write_text(
        "defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n"
        f"frontend in\n  bind {HOST}:{port} {tls}\n  default_backend out\n"
        f"backend out\n  server one {HOST}:{target} {send}\n"
    )
    with proxied(program("haproxy"), "-db", "-f", path, port=port):
        yield port


@contextmanager
def stunnel(tmp_path, target, pair):
    port = free_port()
    path = tmp_path / "stunnel.conf"
    path.write_text(
        f"foreground = yes\npid =\ncert = {pair}\n[mail]\naccept = {HOST}:{port}\n"
        f"connect = {HOST}:{target}\nprotocol = proxy\n"
    )
    with proxied(program("stunnel4"), path, port=port):
        yield port


def send(port, client_type=smtplib.SMTP, **options):
    options |= {"source_address": (PEER, 0), "timeout": TIMEOUT_SECONDS}
    with client_type(HOST, port, "client.example.net", **options) as client:
        assert client.sendmail("x@example.net", ["alice@example.org"], MESSAGE) == {}


def newest(site):
    return site.journal()[-1]


@pytest.mark.parametrize(
    "words", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c"]
)
def test_haproxy_names_the_peer(site, tmp_path, words):
    with haproxy(tmp_path, site.port("mx"), words) as port:
        send(port)
    record = newest(site)
    assert record["peer"] == PEER
    assert "tls" not in record


def test_tls_that_ends_at_haproxy(site, tmp_path, pair):
    tls = f"ssl crt {pair}"
    with haproxy(tmp_path, site.port("mx"), "send-proxy-v2-ssl", tls=tls) as port:
        send(port, smtplib.SMTP_SSL, context=unverified())
    record = newest(site)
    assert record["peer"] == PEER
    assert record["tls"] in ("TLSv1.3 at the proxy", "TLSv1.2 at the proxy")


def test_a_login_over_tls_that_ends_at_haproxy(site, tmp_path, pair):
    """The password is not in the clear, so it is considered, and STLS is not offered again."""
    tls = f"ssl crt {pair}"
    with haproxy(tmp_path, site.port("pop3"), "send-proxy-v2-ssl", tls=tls) as port:
        client = poplib.POP3_SSL(HOST, port, context=unverified(), timeout=TIMEOUT_SECONDS)
        assert "STLS" not in client.capa()
        client.user("alice")
        assert client.pass_(PASSWORD).startswith(b"+OK")
        client.quit()


def test_native_tls_through_haproxy(site, tmp_path):
    with haproxy(tmp_path, site.port("pop3s"), "send-proxy-v2") as port:
        client = poplib.POP3_SSL(HOST, port, context=unverified(), timeout=TIMEOUT_SECONDS)
        client.user("alice")
        assert client.pass_(PASSWORD).startswith(b"+OK")
        client.quit()


def test_stunnel_names_the_peer(site, tmp_path, pair):
    with stunnel(tmp_path, site.port("mx"), pair) as port:
        send(port, smtplib.SMTP_SSL, context=unverified())
    assert newest(site)["peer"] == PEER


def test_without_the_header_a_proxy_is_not_served(site):
    with socket.create_connection((HOST, site.port("mx")), TIMEOUT_SECONDS) as peer:
        peer.sendall(b"EHLO client.example.net\r\n")
        assert peer.recv(100) == b""
