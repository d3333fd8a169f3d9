"""The product: `thurn.contracts.resolver.Resolver` on the look-ups of `lookup`.

Rules of this file:
1. A question that is under way is asked once, whoever asks it: its look-up is a task of its own,
   and whoever asks waits for its end. When nobody waits any more, it ends.
2. Each outcome is kept (`cache`), failures for a short time only (RFC 9520).
3. Names with a meaning of their own are never asked (RFC 6761, RFC 7686).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

import trio
from thurn.plugin import (
    Context,
    DnsAnswer,
    LookupFailed,
    MailExchanger,
    NoData,
    NoSuchName,
    PeerAddress,
    RecordSet,
    Tlsa,
    joined_addresses,
    normal_name,
)

from thurn_resolver_dns.cache import Cache, Failure, Outcome
from thurn_resolver_dns.lookup import Lookup
from thurn_resolver_dns.message import Kind, Question
from thurn_resolver_dns.settings import DnsSettings

KINDS: Final = {"ipv6": Kind.AAAA, "ipv4": Kind.A}
LOOPBACK: Final = {Kind.A: IPv4Address("127.0.0.1"), Kind.AAAA: IPv6Address("::1")}
"""What localhost and the names below it are. RFC 6761 §6.3."""
NOWHERE: Final = frozenset({"invalid", "onion"})
"""Domains that the DNS does not have. RFC 6761 §6.4, RFC 7686 §2."""


@dataclass(slots=True, eq=False)
class _Flight:
    """A question under way.

    Attributes:
        scope: of its task, which ends when nobody waits.
        outcome: there when it is done.
    """

    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    done: trio.Event = field(default_factory=trio.Event)
    waiting: int = 0
    outcome: Outcome | None = None


class DnsResolver:
    """See `thurn.contracts.resolver.Resolver`.

    Args:
        nursery: of the instance; questions under way are tasks in it.
    """

    def __init__(
        self, config: DnsSettings, context: Context, lookup: Lookup, nursery: trio.Nursery
    ) -> None:
        self._config = config
        self._diagnostics = context.diagnostics
        self._lookup = lookup
        self._nursery = nursery
        self.cache = Cache(context.clock, config.cache_size)
        self._flights: dict[Question, _Flight] = {}

    async def addresses(self, name: str) -> DnsAnswer[PeerAddress]:
        """The families that the site wants, in its order, asked at the same time."""
        kinds = [KINDS[family] for family in self._config.families]
        outcomes: dict[Kind, DnsAnswer[PeerAddress] | LookupFailed] = {}

        async def ask(kind: Kind) -> None:
            try:
                outcomes[kind] = await self._look_up(name, kind)
            except LookupFailed as error:
                outcomes[kind] = error

        async with trio.open_nursery() as nursery:
            for kind in kinds:
                nursery.start_soon(ask, kind)
        return joined_addresses([outcomes[kind] for kind in kinds])

    async def a(self, name: str) -> DnsAnswer[IPv4Address]:
        """A."""
        return await self._look_up(name, Kind.A)

    async def aaaa(self, name: str) -> DnsAnswer[IPv6Address]:
        """AAAA."""
        return await self._look_up(name, Kind.AAAA)

    async def mx(self, name: str) -> DnsAnswer[MailExchanger]:
        """MX."""
        return await self._look_up(name, Kind.MX)

    async def txt(self, name: str) -> DnsAnswer[bytes]:
        """TXT."""
        return await self._look_up(name, Kind.TXT)

    async def tlsa(self, host: str, port: int = 25) -> DnsAnswer[Tlsa]:
        """TLSA."""
        if normal_name(host) is None:
            return NoSuchName(host, self._config.ttl_longest)
        return await self._look_up(f"_{port}._tcp.{host}", Kind.TLSA)

    async def ptr(self, address: PeerAddress) -> DnsAnswer[str]:
        """PTR."""
        mapped = getattr(address, "ipv4_mapped", None)
        return await self._look_up((mapped or address).reverse_pointer, Kind.PTR)

    async def cname(self, name: str) -> DnsAnswer[str]:
        """CNAME."""
        return await self._look_up(name, Kind.CNAME)

    async def _look_up(self, name: str, kind: Kind) -> DnsAnswer[Any]:
        await trio.lowlevel.checkpoint()
        normal = normal_name(name)
        if normal is None:
            return NoSuchName(name, self._config.ttl_longest)
        special = _special(normal, kind, self._config.ttl_longest)
        if special is not None:
            return special
        question = Question(normal, kind)
        kept = self.cache.get(question)
        if kept is not None:
            return _given(*kept)
        return _given(await self._shared(question), None)

    async def _shared(self, question: Question) -> Outcome:
        """The outcome of the question that is under way, or that begins now."""
        flight = self._flights.get(question)
        if flight is None:
            flight = self._flights[question] = _Flight()
            self._nursery.start_soon(self._fly, question, flight)
        flight.waiting += 1
        try:
            await flight.done.wait()
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.done.is_set():
                flight.scope.cancel()
                if self._flights.get(question) is flight:
                    del self._flights[question]
        if flight.outcome is None:
            raise LookupFailed(f"{question}: the resolver is closing")
        return flight.outcome

    async def _fly(self, question: Question, flight: _Flight) -> None:
        """Look up, keep the outcome, and tell whoever waits."""
        try:
            with flight.scope:
                flight.outcome = await self._outcome(question)
        finally:
            if self._flights.get(question) is flight:
                del self._flights[question]
            flight.done.set()

    async def _outcome(self, question: Question) -> Outcome:
        try:
            answer = await self._lookup.answer(question)
        except LookupFailed as error:
            failure = Failure(type(error), str(error))
            self.cache.put(question, failure, self._config.failure_ttl)
            return failure
        except Exception as error:  # noqa: BLE001 - one question must not end those of others
            self._diagnostics.error("resolver.failed", question=str(question), exc_info=error)
            return Failure(LookupFailed, f"{question}: an internal failure")
        bounded = self._bounded(answer)
        self.cache.put(question, bounded, bounded.ttl_seconds)
        return bounded

    def _bounded(self, answer: DnsAnswer[Any]) -> DnsAnswer[Any]:
        """The answer with a lifetime within the site's bounds."""
        longest = self._config.ttl_longest
        if not isinstance(answer, RecordSet):
            longest = min(longest, self._config.negative_ttl_longest)
            if answer.ttl_seconds == 0:
                return answer  # RFC 2308 §5: without the zone's SOA a "no" is not kept
        shortest = min(longest, self._config.ttl_shortest)
        return _with_ttl(answer, min(max(answer.ttl_seconds, shortest), longest))


def _special(name: str, kind: Kind, ttl_seconds: float) -> DnsAnswer[Any] | None:
    """The answer about a name that is never asked."""
    domain = name.rpartition(".")[2]
    if domain == "localhost":
        record = LOOPBACK.get(kind)
        return RecordSet((record,), name, ttl_seconds) if record else NoData(name, ttl_seconds)
    return NoSuchName(name, ttl_seconds) if domain in NOWHERE else None


def _given(outcome: Outcome, remaining_seconds: float | None) -> DnsAnswer[Any]:
    """The outcome as a call ends with it."""
    if isinstance(outcome, Failure):
        raise outcome.kind(outcome.detail)
    return outcome if remaining_seconds is None else _with_ttl(outcome, remaining_seconds)


def _with_ttl(answer: DnsAnswer[Any], ttl_seconds: float) -> DnsAnswer[Any]:
    if isinstance(answer, RecordSet):
        return RecordSet(answer.records, answer.name, ttl_seconds, answer.authenticated)
    return type(answer)(answer.name, ttl_seconds, answer.authenticated)
