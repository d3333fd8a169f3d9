"""One look-up: the nameservers are asked in turn until one knows, and aliases are followed.

Rules of this file:
1. An answer is NOERROR or NXDOMAIN, from a nameserver that answers for others or has the zone. One
   that says anything else cannot say, and the next one is asked; one that says nothing is asked
   again in the next round.
2. What DNSSEC proves false ends the look-up: another nameserver, which does not check, must not
   give it out. It is known by an extended error (RFC 8914), or, of a validator on loopback, by an
   answer that comes when checking is disabled (RFC 4035 §3.2.2).
3. What is authenticated is so by a validator on loopback alone: on the way from any other, somebody
   could set the bit (RFC 4035 §4.9.3).
4. A nameserver that does not know EDNS is asked without it (RFC 6891 §7).
5. All of it ends after the lifetime; a question waits within it for its turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import trio
from thurn.plugin import (
    Bogus,
    DnsAnswer,
    LookupFailed,
    NoData,
    NoSuchName,
    RecordSet,
    normal_name,
)

from thurn_resolver_dns.exchange import Manner, exchange
from thurn_resolver_dns.message import Flag, Kind, MalformedMessage, Question, Rcode, Response
from thurn_resolver_dns.nameserver import Nameserver, Nameservers
from thurn_resolver_dns.settings import DnsSettings

ALIASES: Final = 16
"""Most aliases that are followed from one name; common nameservers follow 8 to 16."""
ROUND_PAUSE_SECONDS: Final = 0.1
"""Pause before the second round over the nameservers, doubled before each further one: a nameserver
on this machine restarts within it."""
PROVED_FALSE: Final = frozenset({6, 7, 8, 9, 10, 11, 12})
"""Extended errors of an answer that DNSSEC proves false: bogus, signatures expired or not yet
valid, keys, signatures or proofs missing. RFC 8914 §4.7 to §4.13."""
WITHOUT_EDNS: Final = frozenset({Rcode.FORMERR, Rcode.NOTIMP, Rcode.BADVERS})
"""What a nameserver that does not know EDNS says to it."""


class _CannotSay(Exception):
    """This nameserver does not help with this question; the text says why."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What one response says: an answer, or where to ask on.

    Attributes:
        answer: None when the response ends at an alias; its lifetime is not that of the aliases.
        name: where the aliases end.
        ttl_seconds: the shortest lifetime on the way.
        aliases: how many have been followed.
    """

    answer: DnsAnswer[Any] | None
    name: str
    ttl_seconds: float
    aliases: int
    authenticated: bool = False


class Lookup:
    """Look-ups of one instance."""

    def __init__(self, config: DnsSettings, nameservers: Nameservers) -> None:
        self._config = config
        self._nameservers = nameservers
        self._turns = trio.CapacityLimiter(config.concurrent)

    async def answer(self, question: Question) -> DnsAnswer[Any]:
        """The answer; its lifetime is what the DNS says, without a bound.

        Raises:
            LookupFailed: nobody can say within the lifetime; Bogus is one of them.
        """
        reasons = ["no answer in time"]
        with trio.move_on_after(self._config.lifetime):
            async with self._turns:
                return await self._follow(question, reasons)
        raise LookupFailed(f"{question}: {reasons[-1]}")

    async def _follow(self, question: Question, reasons: list[str]) -> DnsAnswer[Any]:
        """The answer at the end of the aliases, however many responses they take."""
        name, aliases, ttl_seconds, authenticated = question.name, 0, float("inf"), True
        while aliases <= ALIASES:
            if normal_name(name) != name:
                return NoSuchName(name, ttl_seconds)  # an alias of what cannot be asked
            step = await self._ask_all(Question(name, question.kind), reasons)
            authenticated = authenticated and step.authenticated
            ttl_seconds = min(ttl_seconds, step.ttl_seconds)
            name, aliases = step.name, aliases + step.aliases
            if step.answer is not None and aliases <= ALIASES:
                return _with(step.answer, ttl_seconds, authenticated)
        raise LookupFailed(f"{question}: more than {ALIASES} aliases")

    async def _ask_all(self, question: Question, reasons: list[str]) -> _Step:
        """What the first nameserver says that can say something."""
        silent = self._nameservers.in_order()
        for turn in range(self._config.attempts):
            if turn:
                await trio.sleep(ROUND_PAUSE_SECONDS * 2 ** (turn - 1))
            for server in silent.copy():
                try:
                    return await self._ask(server, question)
                except (OSError, MalformedMessage, trio.TooSlowError) as error:
                    reasons.append(self._note_miss(server, error))
                except _CannotSay as error:
                    reasons.append(f"{server} {error}")
                    silent.remove(server)
            if not silent:
                break
        raise LookupFailed(f"{question}: {reasons[-1]}")

    def _note_miss(self, server: Nameserver, error: Exception) -> str:
        reason = str(error) or f"no answer in {self._config.timeout:g} s"
        is_closed = isinstance(error, OSError) and not isinstance(error, ConnectionResetError)
        self._nameservers.missed(server, reason, is_closed=is_closed)
        return f"{server}: {reason}"

    def _may_vouch(self, server: Nameserver) -> bool:
        """Whether the nameserver's word on what is authenticated counts."""
        return self._config.validator and server.is_loopback

    async def _ask(self, server: Nameserver, question: Question) -> _Step:
        """What one nameserver says."""
        flags = Flag.AUTHENTIC if self._may_vouch(server) else 0
        manner = Manner(flags, self._config.edns_size, self._config.tcp)
        response = await self._exchange(server, question, manner)
        if response.rcode in WITHOUT_EDNS:
            response = await self._exchange(server, question, Manner(flags, None, manner.tcp))
        if response.rcode == Rcode.SERVFAIL:
            await self._refuse_bogus(server, question, manner, response)
        if response.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            name = Rcode(response.rcode).name if response.rcode in [*Rcode] else "an error"
            raise _CannotSay(f"says {name}")
        step = _read(response, question)
        is_proved = self._may_vouch(server) and response.has(Flag.AUTHENTIC)
        return replace(step, authenticated=is_proved)

    async def _exchange(self, server: Nameserver, question: Question, manner: Manner) -> Response:
        with trio.fail_after(self._config.timeout):
            response = await exchange(server, question, manner)
        self._nameservers.heard(server)
        return response

    async def _refuse_bogus(
        self, server: Nameserver, question: Question, manner: Manner, response: Response
    ) -> None:
        """Raises Bogus when the nameserver withholds what DNSSEC proves false."""
        is_false = not PROVED_FALSE.isdisjoint(response.extended_errors)
        if not is_false and self._may_vouch(server):
            unchecked = Manner(Flag.CHECKING_DISABLED, manner.payload_octets, manner.tcp)
            second = await self._exchange(server, question, unchecked)
            is_false = second.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN)
        if is_false:
            raise Bogus(f"{question}: {server} withholds what DNSSEC proves false")


def _read(response: Response, question: Question) -> _Step:
    """What a response says of a question. RFC 1034 §4.3.2, RFC 2308 §2, RFC 6604 §3."""
    name, aliases, ttl_seconds = question.name, 0, float("inf")
    while (found := response.answers.get((name, question.kind))) is None:
        alias = response.answers.get((name, Kind.CNAME))
        if alias is None or aliases > ALIASES:
            break
        name, aliases = alias.values[0], aliases + 1
        ttl_seconds = min(ttl_seconds, alias.ttl_seconds)
    if found is None:
        return _read_no(response, _Step(None, name, ttl_seconds, aliases))
    if response.rcode == Rcode.NXDOMAIN:
        raise _CannotSay("has records of a name that does not exist")
    records = tuple(dict.fromkeys(found.values))
    if question.kind is Kind.MX:
        records = tuple(sorted(records))
    ttl_seconds = min(ttl_seconds, found.ttl_seconds)
    return _Step(RecordSet(records, name, ttl_seconds), name, ttl_seconds, aliases)


def _read_no(response: Response, step: _Step) -> _Step:
    """What a response says that has no records at the end of the aliases."""
    if step.aliases > ALIASES:
        return step
    if not step.aliases and not _can_say_no(response):
        raise _CannotSay("knows nothing of it")
    negative_ttl = _negative_ttl(response, step.name)
    ttl_seconds = min(step.ttl_seconds, negative_ttl)
    if response.rcode == Rcode.NXDOMAIN:
        return replace(step, answer=NoSuchName(step.name, negative_ttl), ttl_seconds=ttl_seconds)
    if step.aliases and not response.negative_ttls:
        return step
    return replace(step, answer=NoData(step.name, negative_ttl), ttl_seconds=ttl_seconds)


def _can_say_no(response: Response) -> bool:
    """Whether the "no" of a response counts: not a referral of a nameserver that only serves zones,
    the empty response of one whose zone is broken (a lame one), or records of other names."""
    if response.answers:
        return False
    if response.negative_ttls:
        return True
    answers_for_others = response.has(Flag.RECURSION_AVAILABLE)
    is_authority = response.has(Flag.AUTHORITATIVE)
    return (answers_for_others or is_authority) and not response.is_referral


def _negative_ttl(response: Response, name: str) -> float:
    """How long a "no" may be kept; without the zone's SOA not at all. RFC 2308 §5."""
    while name:
        if name in response.negative_ttls:
            return response.negative_ttls[name]
        name = name.partition(".")[2]
    return response.negative_ttls.get("", 0)


def _with(answer: DnsAnswer[Any], ttl_seconds: float, authenticated: bool) -> DnsAnswer[Any]:
    """The answer with what all responses on the way to it say together."""
    if isinstance(answer, RecordSet):
        return RecordSet(answer.records, answer.name, ttl_seconds, authenticated)
    return type(answer)(answer.name, ttl_seconds, authenticated)
