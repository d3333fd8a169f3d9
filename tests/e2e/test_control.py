"""`thurn status`, `reload` and `stop`: what an operator asks a running site."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import socket
import stat

import pytest
from clients import HOST
from running import eventually, running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    def prepare(one):
        one.tables["site"]["worker_timeout"] = "30s"
        one.tables["site"]["queue"] = "main"
        one.tables["queue"] = {"main": {"type": "spool"}}

    with running(tmp_path_factory.mktemp("control"), prepare=prepare) as one:
        yield one


def command(site, word, *options):
    return site.call(word, "--config", site.path, *options)


def status(site):
    code, text = command(site, "status", "--json")
    return code, json.loads(text)


def processes(facts):
    return [p for g in facts["processes"]["generations"] for p in g["processes"]]


def test_a_healthy_site(site):
    with smtplib.SMTP(HOST, site.port("mx")) as client:
        client.ehlo()
        facts = eventually(
            lambda: next((f for _, f in [status(site)] if sum_sessions(f) == 1), None), "a session"
        )
    names = sorted(one["name"] for one in processes(facts))
    assert names == ["housekeeper", "worker-1", "worker-2"]
    assert {one["state"] for one in processes(facts)} == {"serving"}
    assert facts["processes"]["pid"] == site.process.pid
    assert facts["disk"]["free_octets"] > 0
    assert facts["instances"]["queue.main"]["entries"] == 0
    (certificate,) = [v for k, v in facts["instances"]["tls.main"].items() if k.endswith("ends")]
    assert certificate > "2026"
    assert facts["warnings"] == []
    assert status(site)[0] == 0


def sum_sessions(facts):
    return sum(one["sessions"] for one in processes(facts))


def test_what_is_piped_is_separated_by_tabs(site):
    code, text = command(site, "status")
    assert code == 0
    lines = [line.split("\t") for line in text.splitlines()]
    assert lines[0] == ["process", "pid", "state", "sessions", "age"]
    assert lines[1][0] == "supervisor"


def test_the_socket_is_for_root_and_the_site_alone(site):
    path = site.data / "run" / "control"
    eventually(path.exists, "the socket")  # it is there a moment after the site is ready
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_uid == os.geteuid()


@pytest.mark.parametrize(
    "request_octets",
    [b"", b"\n", b"{}\n", b"[" * 1000 + b"\n", b'{"command": "halt"}\n', b"x" * 1500, b"\xff\n"],
    ids=["nothing", "empty", "no-command", "deep", "unknown", "long", "octets"],
)
def test_nonsense_is_refused_and_harms_nobody(site, request_octets):
    eventually((site.data / "run" / "control").exists, "the socket")
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(10)
        descriptor = os.open(site.data / "run", os.O_RDONLY | os.O_DIRECTORY)
        peer.connect(f"/proc/self/fd/{descriptor}/control")
        os.close(descriptor)
        peer.sendall(request_octets)
        peer.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: peer.recv(65536), b""))
    assert "refused" in json.loads(answer)
    assert status(site)[0] == 0


def test_a_worker_that_hangs_is_named(site):
    (worker,) = [one for one in processes(status(site)[1]) if one["name"] == "worker-1"]
    os.kill(worker["pid"], signal.SIGSTOP)
    try:
        code, facts = eventually(
            lambda: next((a for a in [status(site)] if a[1]["warnings"]), None), "a warning"
        )
    finally:
        os.kill(worker["pid"], signal.SIGCONT)
    assert code == 1
    assert "worker-1 of generation 1 has not answered for" in facts["warnings"][0]
    eventually(lambda: status(site)[0] == 0, "the worker again")


def test_a_reload_that_fails_says_why_and_changes_nothing(site):
    good = site.path.read_text()
    site.path.write_text(good.replace('type = "spool"', 'type = "spoon"'))
    code, text = command(site, "reload")
    assert code == 1
    assert f"Error: {site.path}:" in text
    assert 'no plugin "queue.spoon" is installed; did you mean "spool"?' in text
    code, facts = status(site)
    assert code == 1
    assert "could not start" in facts["warnings"][0]
    site.path.write_text(good)
    code, text = command(site, "reload")
    assert (code, text.startswith("Generation ")) == (0, True)
    code, facts = status(site)
    assert code == 0
    assert facts["processes"]["generations"][0]["phase"] == "ready"


def test_a_stop_waits_for_the_end(site):
    code, text = command(site, "stop")
    assert (code, text) == (0, "Stopped.\n")
    assert site.process.wait(10) == 0
    for word in ("status", "reload", "stop"):
        code, text = command(site, word)
        assert code == 1
        assert text == f"Error: {site.data}: no site runs here\n"
