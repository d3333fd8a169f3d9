"""Answers that no honest nameserver gives, and what strangers put into their zones."""

from __future__ import annotations

import struct

import dns.flags
import dns.message
import dns.rcode
import pytest
import trio
from thurn.plugin import LookupFailed, NoData, NoSuchName
from thurn_resolver_dns import exchange
from zoneserver import respond, truncated

NAME = "one.kit.example"
HONEST = "192.0.2.1"
FORGED = "203.0.113.66"
FORGED_LINE = f"{NAME}. 60 IN A {FORGED}"


def forged(query, **changes):
    """What somebody who guesses would send."""
    response = respond(query, FORGED_LINE)
    for key, value in changes.items():
        setattr(response, key, value)
    return response


def another_question(query):
    other = dns.message.make_query("two.kit.example.", "A", id=query.id)
    return respond(other, FORGED_LINE)


def another_type(query):
    other = dns.message.make_query(f"{NAME}.", "AAAA", id=query.id)
    return respond(other, FORGED_LINE)


def cut(query):
    return forged(query).to_wire()[:-1]


def named_otherwise(query):
    return respond(query, f"two.kit.example. 60 IN A {FORGED}")


WRONG = {
    "id": lambda query: forged(query, id=query.id ^ 1),
    "question": another_question,
    "type": another_type,
    "no response": lambda query: forged(query, flags=dns.flags.RD),
    "opcode": lambda query: forged(query, flags=dns.flags.QR | 4 << 11),
    "no question": lambda query: forged(query, question=[]),
    "short": lambda query: b"\0",
    "empty": lambda query: b"",
}
"""Datagrams that are not the response to the question."""
USELESS = {
    "cut": cut,
    "trailing pointer": lambda query: query.to_wire()[:2] + b"\x81\x80\0\1\0\1\0\0\0\0\xc0\x0c",
    "records of another name": named_otherwise,
    "records of a name that does not exist": lambda query: respond(
        query, FORGED_LINE, rcode=dns.rcode.NXDOMAIN
    ),
    "referral": lambda query: respond(query, authority=["example. 60 IN NS ns.example."], flags=0),
    "referral of a recursive one": lambda query: respond(
        query, authority=["example. 60 IN NS ns.example."]
    ),
    "lame": lambda query: respond(query, flags=0),
    "servfail": lambda query: respond(query, rcode=dns.rcode.SERVFAIL),
    "refused": lambda query: respond(query, rcode=dns.rcode.REFUSED),
    "notauth": lambda query: respond(query, rcode=dns.rcode.NOTAUTH),
    "an unknown code": lambda query: respond(query, rcode=dns.rcode.from_text("BADCOOKIE")),
}
"""Responses that say nothing of the name."""


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_datagram_that_is_not_the_response_is_not_heard(opened, server, wrong):
    """RFC 5452 §9.1."""
    server.script[NAME] = lambda query, by: [WRONG[wrong](query), server.answer(query, by)]
    async with opened(server) as resolver:
        assert [str(one) for one in (await resolver.a(NAME)).records] == [HONEST]


async def test_who_guesses_is_asked_by_tcp(opened, server):
    def guesses(query, by):
        if by == "tcp":
            return server.answer(query, by)
        return [forged(query, id=query.id ^ number) for number in range(1, 1_000)]

    server.script[NAME] = guesses
    async with opened(server) as resolver:
        assert [str(one) for one in (await resolver.a(NAME)).records] == [HONEST]
    assert [by for _, _, by, _ in server.queries] == ["udp", "tcp"]


async def test_somebody_else_is_not_heard(opened, server):
    """The socket is connected: a datagram of another peer does not come in."""
    server.hold(NAME)
    async with opened(server) as resolver, trio.open_nursery() as nursery:
        answers = []

        async def ask():
            answers.append(await resolver.a(NAME))

        nursery.start_soon(ask)
        await server.wait_asked(NAME)
        query = server.queries[0][3]
        peers = [
            line.split()[1]
            for line in (await trio.Path("/proc/net/udp").read_text()).splitlines()
            if f":{server.port:04X} " in line.split()[2] + " "
        ]
        assert peers
        with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as stranger:
            for peer in peers:
                await stranger.sendto(
                    forged(query).to_wire(), ("127.0.0.1", int(peer.partition(":")[2], 16))
                )
        server.release(NAME)
    assert [str(one) for one in answers[0].records] == [HONEST]


@pytest.mark.parametrize("useless", USELESS)
async def test_who_says_nothing_of_the_name_is_passed_over(opened, server, other, useless):
    server.script[NAME] = lambda query, by: USELESS[useless](query)
    async with opened(server, other, attempts=1) as resolver:
        assert [str(one) for one in (await resolver.a(NAME)).records] == [HONEST]
    assert other.asked(NAME) == 1


@pytest.mark.parametrize("useless", USELESS)
async def test_if_nobody_says_anything_it_cannot_be_known(opened, server, useless):
    server.script[NAME] = lambda query, by: USELESS[useless](query)
    async with opened(server, attempts=1) as resolver:
        for ask in (resolver.a, resolver.addresses):
            with pytest.raises(LookupFailed):
                await ask(NAME)


@pytest.mark.parametrize("octets", [b"", b"\0", b"\0\5abc", b"\xff\xff" + b"x" * 100])
async def test_a_connection_that_ends_too_early(opened, server, other, octets):
    async def serve(listener):
        async with await listener.accept() as stream:
            await stream.receive_some(1_000)
            await stream.send_all(octets)

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener, trio.open_nursery() as nursery:
        nursery.start_soon(serve, listener)
        port = listener.socket.getsockname()[1]
        async with opened(f"127.0.0.1:{port}", other, tcp=True) as resolver:
            assert [str(one) for one in (await resolver.a(NAME)).records] == [HONEST]


async def test_a_truncated_answer_is_never_used(opened, server):
    """RFC 2181 §9, RFC 7766 §5."""

    def cut_off(query, by):
        if by == "tcp":
            return server.answer(query, by)
        response = respond(query, FORGED_LINE)
        response.flags |= dns.flags.TC
        return response

    server.script[NAME] = cut_off
    async with opened(server) as resolver:
        assert [str(one) for one in (await resolver.a(NAME)).records] == [HONEST]


async def test_an_answer_by_tcp_is_not_truncated(opened, server):
    server.script[NAME] = lambda query, by: truncated(query)
    async with opened(server, attempts=1) as resolver:
        with pytest.raises(LookupFailed, match="by TCP"):
            await resolver.a(NAME)


@pytest.mark.parametrize("length", [2, 17, 1_000])
async def test_aliases_end(opened, server, length):
    lines = [
        f"r{number}.example. 60 IN CNAME r{(number + 1) % length}.example."
        for number in range(length)
    ]
    server.script["r0.example"] = lambda query, by: respond(query, *lines)
    async with opened(server, tcp=True) as resolver:
        with pytest.raises(LookupFailed, match="more than 16 aliases"):
            await resolver.a("r0.example")


async def test_aliases_that_come_one_by_one_end(opened, server):
    def endless(query, by):
        name = query.question[0].name.to_text()
        return respond(query, f"{name} 60 IN CNAME x{name}")

    for number in range(40):
        server.script["x" * number + "a.example"] = endless
    async with opened(server) as resolver:
        with pytest.raises(LookupFailed, match="more than 16 aliases"):
            await resolver.a("a.example")
    assert len(server.queries) <= 17


async def test_an_alias_that_cannot_be_asked_for(opened, server):
    server.script["a.example"] = lambda query, by: respond(
        query, r"a.example. 60 IN CNAME b\032c.example."
    )
    async with opened(server) as resolver:
        answer = await resolver.a("a.example")
    assert isinstance(answer, NoSuchName)
    assert answer.name == r"b\032c.example"
    assert len(server.queries) == 1


async def test_records_beside_the_answer_are_not_used(opened, server):
    server.script["a.example"] = lambda query, by: respond(
        query,
        "a.example. 60 IN A 192.0.2.9",
        f"{NAME}. 60 IN A {FORGED}",
        authority=[f"two.kit.example. 60 IN A {FORGED}"],
    )
    async with opened(server) as resolver:
        assert [str(one) for one in (await resolver.a("a.example")).records] == ["192.0.2.9"]
        assert [str(one) for one in (await resolver.a(NAME)).records] == [HONEST]
        two = await resolver.a("two.kit.example")
        assert [str(one) for one in two.records] == ["192.0.2.2"]


def largest(query, count, line):
    """A response of `count` records, as large as a message can be."""
    response = respond(query)
    wire = response.to_wire()
    records = b"".join(line(number) for number in range(count))
    return (
        wire[:6]
        + struct.pack("!H", count)
        + wire[8:10]
        + b"\0\0"
        + query.to_wire()[12:-11]
        + records
    )


async def test_the_largest_message_stops_nobody(opened, server):
    """It is read in a thread, while the loop goes on."""

    def line(number):
        return b"\xc0\x0c" + struct.pack("!HHIHI", 1, 1, 60, 4, number)

    server.script[NAME] = lambda query, by: largest(query, 4_000, line)
    async with opened(server, tcp=True) as resolver:
        assert len((await resolver.a(NAME)).records) == 4_000
        assert len(resolver.cache) == 0  # a sixteenth of 8 MiB is less


async def test_small_messages_are_read_in_the_loop_alone(opened, server, monkeypatch):
    def refuse(*arguments):
        raise AssertionError

    monkeypatch.setattr(exchange.trio.to_thread, "run_sync", refuse)
    async with opened(server) as resolver:
        assert (await resolver.a(NAME)).records


async def test_made_up_names_do_not_fill_memory(opened, server):
    async with opened(server, cache_size="64KiB") as resolver:
        for number in range(300):
            await resolver.a(f"{number}.nobody.kit.example")
        assert len(resolver.cache) == 64
        assert resolver.cache.size_octets <= 65_536
        before = len(server.queries)
        assert isinstance(await resolver.a("299.nobody.kit.example"), NoSuchName)
        assert len(server.queries) == before


async def test_lifetimes_are_within_the_bounds_of_the_site(opened, server):
    """A "no" without the zone's SOA is not kept (RFC 2308 §5)."""
    for name, ttl in (("long.example", 2**31 - 1), ("short.example", 0)):
        line = f"{name}. {ttl} IN A 192.0.2.9"
        server.script[name] = lambda query, by, line=line: respond(query, line)
    soa = "example. 999999 IN SOA ns.example. hostmaster.example. 1 2 3 4 999999"
    server.script["no.example"] = lambda query, by: respond(query, authority=[soa])
    server.script["unsaid.example"] = lambda query, by: respond(query)
    async with opened(server) as resolver:
        assert (await resolver.a("long.example")).ttl_seconds == 86_400
        assert (await resolver.a("short.example")).ttl_seconds == 5
        assert (await resolver.a("no.example")).ttl_seconds == 900
        unsaid = await resolver.a("unsaid.example")
        assert isinstance(unsaid, NoData)
        assert unsaid.ttl_seconds == 0
        await resolver.a("unsaid.example")
        assert server.asked("unsaid.example") == 2


async def test_a_no_of_somebody_elses_zone_is_not_kept(opened, server):
    soa = "other.example. 600 IN SOA ns.example. hostmaster.example. 1 2 3 4 600"
    server.script["a.example"] = lambda query, by: respond(
        query, authority=[soa], rcode=dns.rcode.NXDOMAIN
    )
    async with opened(server) as resolver:
        assert (await resolver.a("a.example")).ttl_seconds == 0
