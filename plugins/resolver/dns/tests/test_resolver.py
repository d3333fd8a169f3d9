"""What is asked once, what is kept, and what is never asked."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
import trio
from thurn.plugin import LookupFailed, NoData, NoSuchName
from trio.testing import wait_all_tasks_blocked
from zoneserver import respond

NAME = "one.kit.example"


async def test_the_families_that_a_site_wants(opened, server):
    six, four = ip_address("2001:db8::1"), ip_address("192.0.2.1")
    for families, expected in (
        (["ipv6", "ipv4"], (six, four)),
        (["ipv4", "ipv6"], (four, six)),
        (["ipv4"], (four,)),
        (["ipv6"], (six,)),
    ):
        async with opened(server, families=families) as resolver:
            assert (await resolver.addresses(NAME)).records == expected
    assert len(server.queries) == 6


async def test_both_families_are_asked_at_the_same_time(opened, server):
    server.hold(NAME)
    async with opened(server) as resolver, trio.open_nursery() as nursery:
        nursery.start_soon(resolver.addresses, NAME)
        await server.wait_queries(2)
        server.release(NAME)
    assert {kind for _, kind, _, _ in server.queries} == {"A", "AAAA"}


async def test_half_an_answer_is_one(opened, server):
    server.script[NAME] = lambda query, by: (
        server.failure(query, []) if query.question[0].rdtype == 28 else server.answer(query, by)
    )
    async with opened(server) as resolver:
        assert (await resolver.addresses(NAME)).records == (ip_address("192.0.2.1"),)
        with pytest.raises(LookupFailed):
            await resolver.aaaa(NAME)


async def test_names_that_are_never_asked(opened, server):
    """RFC 6761 §6.3 and §6.4, RFC 7686 §2."""
    async with opened(server) as resolver:
        for name in ("localhost", "x.LOCALHOST."):
            assert (await resolver.a(name)).records == (IPv4Address("127.0.0.1"),)
            assert (await resolver.aaaa(name)).records == (IPv6Address("::1"),)
            assert len((await resolver.addresses(name)).records) == 2
            assert isinstance(await resolver.mx(name), NoData)
        for name in ("invalid", "a.invalid", "abc.onion"):
            assert isinstance(await resolver.addresses(name), NoSuchName)
            assert isinstance(await resolver.tlsa(name), NoSuchName)
    assert server.queries == []


async def test_failures_are_kept_for_a_short_time(opened, server, clock):
    """RFC 9520 §3.2."""
    server.fail(NAME)
    async with opened(server) as resolver:
        for _ in range(3):
            with pytest.raises(LookupFailed, match="SERVFAIL"):
                await resolver.a(NAME)
        assert server.asked(NAME) == 1
        clock.advance(5)
        server.heal(NAME)
        assert (await resolver.a(NAME)).records


async def test_failures_are_not_kept_where_a_site_says_so(opened, server):
    server.fail(NAME)
    async with opened(server, failure_ttl="0s") as resolver:
        for _ in range(2):
            with pytest.raises(LookupFailed):
                await resolver.a(NAME)
    assert server.asked(NAME) == 2


async def test_types_do_not_mix(opened, server):
    async with opened(server) as resolver:
        await resolver.a(NAME)
        assert isinstance(await resolver.mx(NAME), NoData)
        assert (await resolver.a(NAME)).records


async def test_the_last_who_leaves_ends_the_question(opened, server):
    server.hold(NAME)
    async with opened(server) as resolver:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(resolver.a, NAME)
            nursery.start_soon(resolver.a, NAME)
            await server.wait_asked(NAME)
            assert len(resolver._flights) == 1
            nursery.cancel_scope.cancel()
        await wait_all_tasks_blocked()
        assert resolver._flights == {}
        assert resolver._lookup._turns.borrowed_tokens == 0


async def test_one_who_leaves_before_the_question_is_sent(opened, server):
    async with opened(server) as resolver:
        with trio.CancelScope() as scope:
            scope.cancel()
            await resolver.a(NAME)
        assert (await resolver.a(NAME)).records
        assert resolver._flights == {}


async def test_an_internal_failure_is_temporary_and_logged(opened, server, context, monkeypatch):
    async def broken(question):
        raise ZeroDivisionError

    async with opened(server) as resolver:
        monkeypatch.setattr(resolver._lookup, "answer", broken)
        with pytest.raises(LookupFailed, match="internal"):
            await resolver.a(NAME)
        monkeypatch.undo()
        assert (await resolver.a(NAME)).records  # not kept
    assert context.diagnostics.events == ["resolver.failed"]


async def test_an_end_of_the_instance_ends_all_questions(opened, server):
    server.hold(NAME)
    async with trio.open_nursery() as nursery, opened(server) as resolver:

        async def ask():
            with pytest.raises(LookupFailed, match="closing"):
                await resolver.a(NAME)

        nursery.start_soon(ask)
        await server.wait_asked(NAME)


async def test_errors_of_the_block_come_out_as_they_are(opened, server):
    with pytest.raises(ZeroDivisionError):
        async with opened(server):
            raise ZeroDivisionError


async def test_records_are_each_there_once(opened, server):
    server.script["a.example"] = lambda query, by: (
        respond(query, "a.example. 60 IN A 192.0.2.9").to_wire()[:7]
        + b"\2"
        + respond(query).to_wire()[8:10]
        + b"\0\0"
        + query.to_wire()[12:-11]
        + 2 * (b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([192, 0, 2, 9]))
    )
    async with opened(server) as resolver:
        assert (await resolver.a("a.example")).records == (ip_address("192.0.2.9"),)
