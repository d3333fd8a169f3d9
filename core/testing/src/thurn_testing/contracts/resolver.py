"""The conformance kit of resolver plugins (`thurn.contracts.resolver`).

The plugin's test makes a DNS that has the records of `SAMPLE`, and opens the product on it:

    async def test_contract():
        await check_resolver(open_on_sample)

The product asks that DNS alone. Each check has a product of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, Protocol, TypeAlias

import trio
from thurn.contracts.resolver import (
    Bogus,
    DnsAnswer,
    LookupFailed,
    MailExchanger,
    NoData,
    NoSuchName,
    RecordSet,
    Resolver,
    Tlsa,
    takes_no_mail,
)
from trio.testing import wait_all_tasks_blocked

from thurn_testing.contracts.expectation import checking, expect, expect_equal, refused
from thurn_testing.fakes.clock import ManualClock

ALIASES_REFUSED: Final = 40
"""Length of a chain of aliases that every resolver refuses to follow."""
SAMPLE: Final = "\n".join(
    (
        "kit.example. 3600 IN SOA ns.kit.example. hostmaster.kit.example. 1 3600 600 86400 300",
        "kit.example. 3600 IN NS ns.kit.example.",
        "kit.example. 3600 IN MX 20 backup.kit.example.",
        "kit.example. 3600 IN MX 10 two.kit.example.",
        "kit.example. 3600 IN MX 10 one.kit.example.",
        r'kit.example. 3600 IN TXT "v=spf1 " "mx" " -all"',
        r'kit.example. 3600 IN TXT "caf\195\169 \"\\"',
        "one.kit.example. 3600 IN A 192.0.2.1",
        "one.kit.example. 600 IN AAAA 2001:db8::1",
        "two.kit.example. 3600 IN A 192.0.2.2",
        "six.kit.example. 3600 IN AAAA 2001:db8::6",
        "silent.kit.example. 3600 IN MX 0 .",
        "odd.kit.example. 3600 IN MX 5 not\\032a\\032host.kit.example.",
        "_25._tcp.one.kit.example. 3600 IN TLSA 3 1 1 " + "ab" * 32,
        "_587._tcp.one.kit.example. 3600 IN TLSA 2 0 1 " + "cd" * 32,
        "below.empty.kit.example. 3600 IN A 192.0.2.3",
        "alias.kit.example. 3600 IN CNAME second.kit.example.",
        "second.kit.example. 3600 IN CNAME one.kit.example.",
        "dangling.kit.example. 3600 IN CNAME nobody.kit.example.",
        "ring.kit.example. 3600 IN CNAME back.kit.example.",
        "back.kit.example. 3600 IN CNAME ring.kit.example.",
        *(
            f"c{number}.kit.example. 3600 IN CNAME c{number + 1}.kit.example."
            for number in range(ALIASES_REFUSED)
        ),
        f"c{ALIASES_REFUSED}.kit.example. 3600 IN A 192.0.2.4",
        "2.0.192.in-addr.arpa. 3600 IN SOA ns.kit.example. hostmaster.kit.example. 1 9 9 9 300",
        "1.2.0.192.in-addr.arpa. 3600 IN PTR one.kit.example.",
        "8.b.d.0.1.0.0.2.ip6.arpa. 3600 IN SOA ns.kit.example. hostmaster.kit.example. 1 9 9 9 300",
        f"{ip_address('2001:db8::1').reverse_pointer}. 3600 IN PTR one.kit.example.",
    )
)
"""Lines of a master file (RFC 1035 §5.1): three zones, each with its SOA."""
ONE: Final = "one.kit.example"
NOT_NAMES: Final = (
    "",
    ".",
    "..",
    "a..kit.example",
    ".kit.example",
    "a" * 64 + ".kit.example",
    "a." * 127 + "b",
    "192.0.2.1",
    "2001:db8::1",
    "[192.0.2.1]",
    "one.kit.example\0",
    "one.kit.example\n",
    "one.kit.example..",
    "-a.example",
    "a-.example",
    "*.kit.example",
    "a@kit.example",
    "a/b.example",
    "a b.example",
    "\\097.kit.example",
    "é.kit.example",
    "\N{KELVIN SIGN}it.example",
    "one。kit.example",
    "%s.example",
    "$(reboot).example",
)
"""Texts that no look-up may send anywhere."""
WAITERS: Final = 5
FAILURE_REMEMBERED_SECONDS: Final = 300.0
"""Longest time in seconds for which a failed look-up may be remembered. RFC 9520 §3.2."""


class SampleDns(Protocol):
    """The DNS of one check: the records of `SAMPLE`, with these switches for names in them."""

    def fail(self, name: str) -> None:
        """Nobody can say anything about the name (SERVFAIL)."""

    def forge(self, name: str) -> None:
        """What is said about the name is bogus."""

    def heal(self, name: str) -> None:
        """The name is as in `SAMPLE` again."""

    def sign(self, domain: str) -> None:
        """Answers about the domain and names below it are authenticated."""

    def hold(self, name: str) -> None:
        """Questions for the name wait until `release`."""

    def release(self, name: str) -> None:
        """The questions that wait are answered."""

    def asked(self, name: str) -> int:
        """How many questions for the name have come."""

    async def wait_asked(self, name: str) -> None:
        """Return when a question for the name has come."""


OpenResolver: TypeAlias = Callable[
    [ManualClock], AbstractAsyncContextManager[tuple[Resolver, SampleDns]]
]
"""Opens the product, by this clock, on a new DNS."""
Check: TypeAlias = Callable[[Resolver, SampleDns, ManualClock], Awaitable[None]]


async def check_resolver(open_resolver: OpenResolver, *, remembers: bool = True) -> None:
    """Everything that the contract promises holds for this product.

    Args:
        open_resolver: see `OpenResolver`.
        remembers: the product says that it keeps answers, and asks once what is asked at the same
            time.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    for check in (*ALWAYS, *(REMEMBERING if remembers else ())):
        clock = ManualClock()
        with checking("resolver", check):
            async with open_resolver(clock) as (resolver, dns):
                await check(resolver, dns, clock)


def _full(
    answer: DnsAnswer[Any], records: tuple[Any, ...], promise: str, *, name: str = ONE
) -> None:
    if not isinstance(answer, RecordSet):
        raise AssertionError(f"{promise}: found {answer!r}")  # noqa: TRY004 - a promise
    expect_equal(answer.records, records, promise)
    expect_equal(answer.name, name, f"{promise}; and whose they are")
    expect(0 <= answer.ttl_seconds <= 3600, f"{promise}; and a lifetime not over the records'")
    expect(not answer.authenticated, f"{promise}; and nobody has authenticated them")


async def _records(resolver: Resolver, _dns: SampleDns, _clock: ManualClock) -> None:
    """Each type of record comes back as its values."""
    four, six = IPv4Address("192.0.2.1"), IPv6Address("2001:db8::1")
    _full(await resolver.a(ONE), (four,), "A records are addresses")
    _full(await resolver.aaaa(ONE), (six,), "AAAA records are addresses")
    both = await resolver.addresses(ONE)
    expect_equal({*both.records}, {four, six}, "addresses are those of A and AAAA")
    expect(both.ttl_seconds <= 600, "the lifetime of both is the shorter one")
    _full(
        await resolver.tlsa(ONE),
        (Tlsa(3, 1, 1, b"\xab" * 32),),
        "TLSA, at port 25",
        name=f"_25._tcp.{ONE}",
    )
    _full(
        await resolver.tlsa(ONE, 587),
        (Tlsa(2, 0, 1, b"\xcd" * 32),),
        "TLSA of another port",
        name=f"_587._tcp.{ONE}",
    )
    for address in (four, six, ip_address("::ffff:192.0.2.1")):
        names = await resolver.ptr(address)
        expect_equal(names.records, (ONE,), f"the name of {address}")
    alias = await resolver.cname("alias.kit.example")
    expect_equal(alias.records, ("second.kit.example",), "cname gives the next name")
    expect_equal(alias.name, "alias.kit.example", "cname does not follow")


async def _mail_exchangers(resolver: Resolver, _dns: SampleDns, _clock: ManualClock) -> None:
    """MX records come in order, and a null MX is recognised."""
    expected = tuple(
        MailExchanger(preference, f"{host}.kit.example")
        for preference, host in ((10, "one"), (10, "two"), (20, "backup"))
    )
    answer = await resolver.mx("kit.example")
    _full(
        answer, expected, "MX records are in order of preference, then of hosts", name="kit.example"
    )
    expect(not takes_no_mail(answer), "a domain with hosts takes mail")
    silent = await resolver.mx("silent.kit.example")
    expect_equal(silent.records, (MailExchanger(0, ""),), "the host of a null MX is empty")
    expect(takes_no_mail(silent), "a null MX says that no mail is taken (RFC 7505)")
    expect(not takes_no_mail(await resolver.mx(ONE)), "to have no MX is not to take no mail")
    odd = await resolver.mx("odd.kit.example")
    expect_equal(len(odd.records), 1, "a host that is not a name is not left out")
    (exchanger,) = odd.records
    expect(exchanger.host.isprintable() and exchanger.host.isascii(), "a host is printable ASCII")
    addresses = await resolver.addresses(exchanger.host)
    expect(
        isinstance(addresses, NoSuchName),
        f"{exchanger.host!r} is nobody's name: found {addresses!r}",
    )


async def _texts(resolver: Resolver, _dns: SampleDns, _clock: ManualClock) -> None:
    """TXT records are octets; the strings of one record are joined."""
    answer = await resolver.txt("kit.example")
    expected = {b"v=spf1 mx -all", b'caf\xc3\xa9 "\\'}
    expect_equal({*answer.records}, expected, "the strings of a TXT record are joined, as octets")


async def _absence(resolver: Resolver, _dns: SampleDns, _clock: ManualClock) -> None:
    """A name that does not exist and a name without the type are told apart."""
    for kind in (
        resolver.addresses,
        resolver.a,
        resolver.aaaa,
        resolver.mx,
        resolver.txt,
        resolver.tlsa,
        resolver.cname,
    ):
        answer = await kind("nobody.kit.example")
        expect(
            isinstance(answer, NoSuchName), f"{kind.__name__} of nobody is NoSuchName: {answer!r}"
        )
        expect(answer.ttl_seconds >= 0, "how long it is so")
    for name, kind in (
        (ONE, resolver.mx),
        (ONE, resolver.txt),
        (ONE, resolver.cname),
        ("two.kit.example", resolver.aaaa),
        ("kit.example", resolver.addresses),
        ("empty.kit.example", resolver.a),
        ("_tcp." + ONE, resolver.txt),
    ):
        answer = await kind(name)
        expect(isinstance(answer, NoData), f"{kind.__name__} of {name} is NoData: found {answer!r}")
        expect_equal(answer.records, (), "no records")
    expect(isinstance(await resolver.tlsa("two.kit.example"), NoSuchName), "no TLSA name")
    nobody = await resolver.ptr(ip_address("192.0.2.77"))
    expect(isinstance(nobody, NoSuchName), f"an address without a name: found {nobody!r}")
    for name, records in (
        ("two.kit.example", ("192.0.2.2",)),
        ("six.kit.example", ("2001:db8::6",)),
    ):
        answer = await resolver.addresses(name)
        addresses = tuple(map(str, answer.records))
        expect_equal(addresses, records, "addresses are there when one of A and AAAA is")


async def _aliases(resolver: Resolver, _dns: SampleDns, _clock: ManualClock) -> None:
    """Aliases are followed, and not for ever."""
    answer = await resolver.a("alias.kit.example")
    _full(answer, (IPv4Address("192.0.2.1"),), "aliases are followed")
    both = await resolver.addresses("alias.kit.example")
    expect_equal(both.name, ONE, "whose the addresses are")
    no_type = await resolver.mx("alias.kit.example")
    expect(isinstance(no_type, NoData), "an alias of a name without the type is NoData")
    nobody = await resolver.a("dangling.kit.example")
    expect(isinstance(nobody, NoSuchName), f"an alias of nobody is NoSuchName: found {nobody!r}")
    expect_equal(nobody.name, "nobody.kit.example", "who does not exist")
    for name in ("ring.kit.example", "c0.kit.example"):
        with refused(LookupFailed, f"the aliases of {name} do not end, or not soon"):
            await resolver.a(name)


async def _spellings(resolver: Resolver, _dns: SampleDns, _clock: ManualClock) -> None:
    """Case and a dot at the end change nothing."""
    for spelled in ("ONE.Kit.Example", f"{ONE}.", "One.KIT.example."):
        _full(await resolver.a(spelled), (IPv4Address("192.0.2.1"),), f"{spelled} is {ONE}")


async def _hostile_names(resolver: Resolver, dns: SampleDns, _clock: ManualClock) -> None:
    """What cannot be a name does not exist, and is never asked."""
    for text in NOT_NAMES:
        for kind in (resolver.addresses, resolver.mx, resolver.tlsa, resolver.cname):
            answer = await kind(text)
            expect(isinstance(answer, NoSuchName), f"{text!r} is not a name: found {answer!r}")
            expect_equal(answer.authenticated, False, "nobody has proved it")
        for asked in (text, f"_25._tcp.{text}".removesuffix(".")):
            expect_equal(dns.asked(asked), 0, f"{text!r} is never asked")


async def _ignorance(resolver: Resolver, dns: SampleDns, _clock: ManualClock) -> None:
    """What cannot be known is LookupFailed, what is bogus is Bogus: never a "no"."""
    dns.fail(ONE)
    dns.forge("two.kit.example")
    for kind in (resolver.addresses, resolver.a, resolver.mx, resolver.txt, resolver.cname):
        try:
            answer = await kind(ONE)
        except LookupFailed as error:
            expect(not isinstance(error, Bogus), "a failure is not bogus")
            expect(error.status.is_temporary, "a failure is temporary")
            expect_equal(error.status.enhanced, "4.4.3", "a failure of look-ups is 4.4.3")
        else:
            raise AssertionError(f"what cannot be known is LookupFailed: found {answer!r}")
        with refused(Bogus, "what DNSSEC proves false is Bogus"):
            await kind("two.kit.example")
    with refused(LookupFailed, "what an alias leads to cannot be known"):
        await resolver.a("alias.kit.example")


async def _authentication(resolver: Resolver, dns: SampleDns, _clock: ManualClock) -> None:
    """Answers that a validator has proved are authenticated, a "no" too; others are not."""
    dns.sign("kit.example")
    for answer in (
        await resolver.addresses(ONE),
        await resolver.a("alias.kit.example"),
        await resolver.tlsa(ONE),
        await resolver.mx(ONE),
        await resolver.txt("nobody.kit.example"),
    ):
        expect(answer.authenticated, f"what is proved is authenticated: {answer!r}")
    outside = await resolver.ptr(ip_address("192.0.2.1"))
    expect(not outside.authenticated, "what nobody has proved is not authenticated")


async def _cancellation(resolver: Resolver, dns: SampleDns, _clock: ManualClock) -> None:
    """A cancelled call disturbs no other call of the same question."""
    dns.hold(ONE)
    answers: list[DnsAnswer[Any]] = []

    async def ask(scope: trio.CancelScope) -> None:
        with scope:
            answers.append(await resolver.a(ONE))

    scopes = [trio.CancelScope() for _ in range(WAITERS)]
    async with trio.open_nursery() as nursery:
        for scope in scopes:
            nursery.start_soon(ask, scope)
        await dns.wait_asked(ONE)
        scopes[0].cancel()
        await wait_all_tasks_blocked()
        dns.release(ONE)
    expect_equal(len(answers), WAITERS - 1, "the other calls have their answers")
    for answer in answers:
        _full(answer, (IPv4Address("192.0.2.1"),), "the answer of a call beside a cancelled one")


async def _asked_once(resolver: Resolver, dns: SampleDns, _clock: ManualClock) -> None:
    """Equal questions at the same time are one question."""
    dns.hold(ONE)
    async with trio.open_nursery() as nursery:
        for spelled in (ONE, f"{ONE}.", ONE.upper(), ONE, ONE):
            nursery.start_soon(resolver.a, spelled)
        await dns.wait_asked(ONE)
        await wait_all_tasks_blocked()
        dns.release(ONE)
    expect_equal(dns.asked(ONE), 1, "equal questions at the same time are asked once")


async def _given_up(resolver: Resolver, dns: SampleDns, _clock: ManualClock) -> None:
    """A question that all callers have given up is asked anew by the next caller."""
    dns.hold(ONE)
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(resolver.a, ONE)
            nursery.start_soon(resolver.a, ONE)
            await dns.wait_asked(ONE)
            scope.cancel()
    dns.release(ONE)
    _full(await resolver.a(ONE), (IPv4Address("192.0.2.1"),), "the answer after a given-up call")


async def _lifetimes(resolver: Resolver, dns: SampleDns, clock: ManualClock) -> None:
    """Answers are kept for as long as they say, and no longer."""
    first = await resolver.aaaa(ONE)
    clock.advance(first.ttl_seconds / 2)
    second = await resolver.aaaa(ONE)
    expect_equal(dns.asked(ONE), 1, "an answer that is kept is not asked again")
    expect(second.ttl_seconds <= first.ttl_seconds / 2, "the lifetime that is left goes down")
    clock.advance(second.ttl_seconds)
    await resolver.aaaa(ONE)
    expect_equal(dns.asked(ONE), 2, "an answer whose lifetime is over is asked again")


async def _negative_lifetimes(resolver: Resolver, dns: SampleDns, clock: ManualClock) -> None:
    """A "no" is kept no longer than the zone's negative lifetime (RFC 2308 §5)."""
    for name in ("nobody.kit.example", "two.kit.example"):
        answer = await resolver.aaaa(name)
        expect(answer.ttl_seconds <= 300, "a no lives as long as the SOA says at most")
        clock.advance(301)
        await resolver.aaaa(name)
        expect_equal(dns.asked(name), 2, "a no whose lifetime is over is asked again")


async def _recovery(resolver: Resolver, dns: SampleDns, clock: ManualClock) -> None:
    """A failure is not kept for long (RFC 9520 §3.2)."""
    dns.fail(ONE)
    with refused(LookupFailed, "what cannot be known is LookupFailed"):
        await resolver.a(ONE)
    dns.heal(ONE)
    clock.advance(FAILURE_REMEMBERED_SECONDS)
    _full(await resolver.a(ONE), (IPv4Address("192.0.2.1"),), "a failure is over after 5 minutes")


ALWAYS: Final[tuple[Check, ...]] = (
    _records,
    _mail_exchangers,
    _texts,
    _absence,
    _aliases,
    _spellings,
    _hostile_names,
    _ignorance,
    _authentication,
    _cancellation,
)
REMEMBERING: Final[tuple[Check, ...]] = (
    _asked_once,
    _given_up,
    _lifetimes,
    _negative_lifetimes,
    _recovery,
)
