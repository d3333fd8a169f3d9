"""Which nameserver is asked, when, how, and what its word is worth."""

from __future__ import annotations

from contextlib import asynccontextmanager

import dns.edns
import dns.flags
import dns.rcode
import pytest
import trio
from thurn.plugin import Bogus, LookupFailed, NoData, NoSuchName
from thurn_resolver_dns.lookup import ROUND_PAUSE_SECONDS
from thurn_resolver_dns.nameserver import parse_nameserver
from trio.testing import wait_all_tasks_blocked
from zoneserver import respond, truncated

NAME = "one.kit.example"


@asynccontextmanager
async def closed_port():
    """An address where nobody listens; a bound socket that does not listen keeps it."""
    with trio.socket.socket(type=trio.socket.SOCK_STREAM) as held:
        await held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


@pytest.mark.parametrize("tcp", [False, True])
async def test_a_closed_port_costs_no_time(opened, server, tcp):
    async with (
        closed_port() as address,
        opened(address, server, tcp=tcp, timeout="50s", lifetime="60s") as resolver,
    ):
        begun = trio.current_time()
        assert (await resolver.a(NAME)).records
        assert trio.current_time() - begun < 20


async def test_if_all_ports_are_closed_the_end_comes_soon(opened):
    told = r"one\.kit\.example A: 127\.0\.0\.1 port \d+: .*refused"
    async with (
        closed_port() as address,
        opened(address, timeout="50s", lifetime="60s") as resolver,
    ):
        begun = trio.current_time()
        with pytest.raises(LookupFailed, match=told):
            await resolver.a(NAME)
        assert trio.current_time() - begun < 20


async def jump(clock, seconds):
    """Let so much time pass, when nothing else goes on."""
    await wait_all_tasks_blocked()
    clock.jump(seconds)


async def test_a_restart_is_waited_for(opened, server, mock_clock):
    """Nobody answers in the first round, and somebody does in the second."""
    server.script[NAME] = lambda query, by: (
        [] if len(server.queries) == 1 else server.answer(query, by)
    )
    async with opened(server) as resolver, trio.open_nursery() as nursery:
        nursery.start_soon(resolver.a, NAME)
        await server.wait_queries(1)
        await jump(mock_clock, 20)
        await jump(mock_clock, ROUND_PAUSE_SECONDS)
    assert len(server.queries) == 2


async def test_who_is_silent_is_asked_again_after_the_others(opened, server, other, mock_clock):
    server.script[NAME] = lambda query, by: []
    async with opened(server, other) as resolver, trio.open_nursery() as nursery:
        nursery.start_soon(resolver.a, NAME)
        await server.wait_queries(1)
        await jump(mock_clock, 20)
    assert (server.asked(NAME), other.asked(NAME)) == (1, 1)


async def test_each_is_asked_so_often(opened, server, other, mock_clock):
    server.script[NAME] = other.script[NAME] = lambda query, by: []
    async with opened(server, other, lifetime="50s", timeout="10s", attempts=2) as resolver:

        async def ask():
            with pytest.raises(LookupFailed, match="no answer in 10 s"):
                await resolver.a(NAME)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            for turn in (1, 2):
                for one in (server, other):
                    await one.wait_queries(turn)
                    await jump(mock_clock, 10)
                await jump(mock_clock, ROUND_PAUSE_SECONDS)
    assert (server.asked(NAME), other.asked(NAME)) == (2, 2)


async def test_a_look_up_ends_after_its_lifetime(opened, server):
    server.hold(NAME)
    async with opened(server, lifetime="200ms") as resolver:
        with pytest.raises(LookupFailed, match="no answer in time"):
            await resolver.addresses(NAME)


async def test_waiting_for_a_turn_counts(opened, server):
    async with opened(server, lifetime="200ms", concurrent=1) as resolver:
        await resolver._lookup._turns.acquire_on_behalf_of("somebody")
        with pytest.raises(LookupFailed, match="no answer in time"):
            await resolver.a(NAME)
    assert server.queries == []


async def test_questions_under_way_are_bounded(opened, server):
    names = [f"{number}.kit.example" for number in range(20)]
    for name in names:
        server.hold(name)
    async with opened(server, concurrent=5) as resolver, trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(resolver.a, name)
        await server.wait_queries(5)
        await wait_all_tasks_blocked(0.01)
        assert len(server.queries) == 5
        for name in names:
            server.release(name)
    assert len(server.queries) == 20


async def test_whoever_cannot_say_is_asked_once(opened, server, other):
    server.fail(NAME)
    other.fail(NAME)
    async with opened(server, other) as resolver:
        with pytest.raises(LookupFailed, match="says SERVFAIL"):
            await resolver.a(NAME)
    assert (server.asked(NAME), other.asked(NAME)) == (1, 1)


async def test_a_no_is_final(opened, server, other):
    """RFC 1034 §5.3.3, RFC 8020 §2."""
    async with opened(server, other) as resolver:
        assert isinstance(await resolver.a("nobody.kit.example"), NoSuchName)
        assert isinstance(await resolver.mx(NAME), NoData)
    assert other.queries == []


async def test_a_truncated_answer_is_asked_for_by_tcp(opened, server):
    server.truncates_udp = True
    async with opened(server) as resolver:
        assert (await resolver.a(NAME)).records
    assert [by for _, _, by, _ in server.queries] == ["udp", "tcp"]


async def test_without_tcp_a_truncated_answer_is_none(opened, server, other):
    server.script[NAME] = lambda query, by: truncated(query) if by == "udp" else b""
    async with opened(server, other, attempts=1) as resolver:
        assert (await resolver.a(NAME)).records
    assert other.asked(NAME) == 1


@pytest.mark.parametrize("rcode", [dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS])
async def test_who_does_not_know_edns_is_asked_without_it(opened, server, rcode):
    """RFC 6891 §7."""

    def old(query, by):
        if query.edns < 0:
            return server.answer(query, by)
        response = respond(query)
        response.use_edns(0 if rcode == dns.rcode.BADVERS else -1)
        response.set_rcode(rcode)
        return response

    server.script[NAME] = old
    async with opened(server) as resolver:
        assert (await resolver.a(NAME)).records
    assert [query.edns for *_, query in server.queries] == [0, -1]


async def test_the_query(opened, server):
    async with opened(server, edns_size=1400) as resolver:
        await resolver.a(NAME)
        await resolver.a("two.kit.example")
    first, second = (query for *_, query in server.queries)
    assert first.flags == dns.flags.RD
    assert (first.payload, first.ednsflags) == (1400, 0)
    assert second.payload == 1400


async def test_numbers_and_ports_are_not_to_be_guessed(opened, server):
    async with opened(server, failure_ttl="0s") as resolver:
        for number in range(40):
            await resolver.a(f"{number}.kit.example")
    assert len({query.id for *_, query in server.queries}) > 30


# authenticated


async def test_nobody_but_a_validator_on_loopback_authenticates(opened, server):
    """RFC 4035 §4.9.3."""

    def claims(query, by):
        response = server.answer(query, by)
        response.flags |= dns.flags.AD
        return response

    server.script[NAME] = claims
    async with opened(server) as resolver:
        assert not (await resolver.a(NAME)).authenticated
        assert not (await resolver.addresses(NAME)).authenticated
    assert not any(query.flags & dns.flags.AD for *_, query in server.queries)
    async with opened(server, validator=True) as resolver:
        assert (await resolver.a(NAME)).authenticated


async def test_the_word_of_a_nameserver_elsewhere_never_counts(opened, server):
    async with opened("192.0.2.53", server, validator=True) as resolver:
        for text, counts in (("192.0.2.53", False), (server.address, True)):
            assert resolver._lookup._may_vouch(parse_nameserver(text)) is counts


async def test_an_alias_out_of_a_signed_zone_is_not_authenticated(opened, server):
    server.sign("kit.example")
    server.script["signed.kit.example"] = lambda query, by: respond(
        query,
        "signed.kit.example. 60 IN CNAME plain.example.",
        flags=dns.flags.RA | dns.flags.AD,
    )
    server.script["plain.example"] = lambda query, by: respond(
        query, "plain.example. 60 IN A 192.0.2.9"
    )
    async with opened(server, validator=True) as resolver:
        answer = await resolver.a("signed.kit.example")
    assert answer.name == "plain.example"
    assert not answer.authenticated


# bogus


async def test_bogus_is_final(opened, server, other):
    """The other one does not check. RFC 8914 §4.7."""
    server.forge(NAME)
    for validator in (True, False):
        async with opened(server, other, validator=validator) as resolver:
            with pytest.raises(Bogus, match="DNSSEC"):
                await resolver.a(NAME)
    assert other.queries == []


@pytest.mark.parametrize("validator", [True, False])
async def test_a_validator_without_extended_errors(opened, server, other, validator):
    """It fails, and answers when it is asked not to check."""
    server._failing[NAME] = []
    async with opened(server, other, validator=validator) as resolver:
        if validator:
            with pytest.raises(Bogus):
                await resolver.a(NAME)
            assert [bool(query.flags & dns.flags.CD) for *_, query in server.queries] == [0, 1]
            assert other.queries == []
        else:
            assert (await resolver.a(NAME)).records


async def test_a_validator_that_cannot_reach_the_zone(opened, server):
    server.fail(NAME)
    async with opened(server, validator=True) as resolver:
        with pytest.raises(LookupFailed) as caught:
            await resolver.a(NAME)
    assert not isinstance(caught.value, Bogus)


@pytest.mark.parametrize("code", [0, 3, 5, 22, 23])
async def test_other_extended_errors_are_failures(opened, server, code):
    """Stale answers, indeterminate, no reachable authority, network error."""
    server.script[NAME] = lambda query, by: server.failure(query, [dns.edns.EDECode(code)])
    async with opened(server) as resolver:
        with pytest.raises(LookupFailed) as caught:
            await resolver.a(NAME)
    assert not isinstance(caught.value, Bogus)


async def test_an_alias_to_what_is_bogus(opened, server):
    server.forge(NAME)
    async with opened(server) as resolver:
        with pytest.raises(Bogus):
            await resolver.a("alias.kit.example")


# aliases in several answers


async def test_an_answer_that_ends_at_an_alias_is_asked_on(opened, server):
    """A forwarder that does not follow. A code is that of the last name (RFC 6604 §3)."""
    server.script["a.example"] = lambda query, by: respond(
        query, "a.example. 60 IN CNAME b.example.", "b.example. 30 IN CNAME one.kit.example."
    )
    async with opened(server) as resolver:
        answer = await resolver.a("a.example")
        assert answer.name == NAME
        assert answer.ttl_seconds == 30
        assert isinstance(await resolver.mx("dangling.kit.example"), NoSuchName)
    assert server.asked("b.example") == 0


@pytest.mark.parametrize("many", [16, 17])
async def test_so_many_aliases_are_followed(opened, server, many):
    lines = [f"r{number}.example. 60 IN CNAME r{number + 1}.example." for number in range(many)]
    lines.append(f"r{many}.example. 60 IN A 192.0.2.9")
    server.script["r0.example"] = lambda query, by: respond(query, *lines)
    async with opened(server) as resolver:
        if many == 16:
            assert (await resolver.a("r0.example")).name == "r16.example"
        else:
            with pytest.raises(LookupFailed, match="more than 16 aliases"):
                await resolver.a("r0.example")
