"""The bound of connections from one address holds for a site of several workers."""

from __future__ import annotations

import contextlib
import socket

import pytest
from clients import HOST, TIMEOUT_SECONDS
from running import running

pytestmark = pytest.mark.slow

BOUND = 20


def _greetings(stack, port, count):
    """What each of so many connections is greeted with; all stay open."""
    greetings = []
    for _ in range(count):
        one = stack.enter_context(socket.create_connection((HOST, port), TIMEOUT_SECONDS))
        greetings.append(stack.enter_context(one.makefile("rb")).readline())
    return greetings


def test_an_address_has_its_bound_over_all_workers(tmp_path):
    bounds = {"connections_per_address": BOUND}
    with running(tmp_path, mx=bounds, pop3=bounds) as site, contextlib.ExitStack() as stack:
        greetings = _greetings(stack, site.port("mx"), 2 * BOUND)
        assert [line[:3] for line in greetings] == [b"220"] * BOUND + [b"421"] * BOUND
        assert b"Too many connections" in greetings[-1]
        line = site.wait("connection.refused")
        assert line["setting"] == "listener.mx.connections_per_address"
        assert (line["listener"], line["peer"], line["limit"]) == ("mx", HOST, BOUND)
        others = _greetings(stack, site.port("pop3"), BOUND + 1)  # each listener counts its own
        assert [line[:3] for line in others] == [b"+OK"] * BOUND + [b"-ER"]
