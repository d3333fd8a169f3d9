r"""The conformance kit of SASL mechanisms (`thurn.contracts.sasl`), driven without a gate.

    async def test_contract():
        async with factory.open(NoSettings(), FakeContext(tmp_path)) as product:
            check_sasl(product, {"PLAIN": Dialogue((b"\0alice\0secret",), "alice", "secret")})

`play` is public: tests of mechanisms play their own dialogues with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from thurn.contracts.account import Claim, Denied, StoredKey, Unknown, Verdict, Verified
from thurn.contracts.sasl import (
    Challenge,
    NeedStoredKey,
    NeedVerify,
    SaslAnswer,
    SaslConditions,
    SaslExchange,
    SaslFailure,
    SaslMechanism,
    SaslProduct,
    SaslResult,
    SaslSuccess,
)
from thurn.types.identity import AccountId

from thurn_testing.contracts.expectation import expect, expect_equal

SECURED: Final = SaslConditions(secured=True)
STEPS: Final = 50
"""Requests of one exchange at most; real ones have under ten."""
GUESSES: Final = 300
GUESS_OCTETS: Final = 40

_NAME: Final = re.compile(r"[A-Z0-9_-]{1,20}")
_SEED: Final = 4422


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What a peer says to log in.

    Attributes:
        responses: in order; a mechanism without a first challenge gets the first one at the start.
        name: what shall be claimed.
        secret: the password or token that shall be claimed; None where it never shows itself.
        authzid: whom the peer asks to act as.
        stored: answers `NeedStoredKey`.
        channel_bindings: what the connection has, for mechanisms that bind.
    """

    responses: tuple[bytes, ...]
    name: str
    secret: str | None = None
    authzid: str = ""
    stored: StoredKey | None = None
    channel_bindings: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Played:
    """How an exchange went. `result` is None when the responses were over before it ended."""

    challenges: list[bytes] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    result: SaslResult | None = None


Judge = Callable[[Claim], Verdict]


def play(
    mechanism: SaslMechanism,
    responses: Sequence[bytes],
    *,
    judge: Judge,
    stored: StoredKey | None = None,
    conditions: SaslConditions = SECURED,
) -> Played:
    """Run one exchange; it is closed when the responses are over.

    Raises:
        Exception: whatever the mechanism raises; the contract allows nothing.
    """
    exchange = mechanism.begin(conditions)
    played, left = Played(), iter(responses)
    answer: SaslAnswer = None
    for _ in range(STEPS):
        try:
            request = exchange.send(answer)
        except StopIteration as stop:
            played.result = stop.value
            return played
        match request:
            case Challenge(octets):
                played.challenges.append(octets)
                answer = next(left, None)
                if answer is None:
                    exchange.close()
                    return played
            case NeedVerify(claim):
                played.claims.append(claim)
                answer = judge(claim)
            case NeedStoredKey():
                answer = stored
    raise AssertionError(f"{mechanism.mechanism} does not end after {STEPS} steps")


def yes(claim: Claim) -> Verdict:
    """Verified, as the account of that name."""
    return Verified(AccountId(claim.name))


def no(claim: Claim) -> Verdict:
    """Denied."""
    return Denied()


def unknown(claim: Claim) -> Verdict:
    """Unknown."""
    return Unknown()


def check_sasl(product: SaslProduct, dialogues: Mapping[str, Dialogue]) -> None:
    """Everything that the contract promises holds for all mechanisms of this product.

    Args:
        product: opened.
        dialogues: a dialogue that logs in, for each mechanism by name.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    names = [mechanism.mechanism for mechanism in product.mechanisms]
    expect_equal(sorted(names), sorted(dialogues), "the product has the mechanisms it should")
    for mechanism in product.mechanisms:
        name, dialogue = mechanism.mechanism, dialogues[mechanism.mechanism]
        expect(_NAME.fullmatch(name), f"{name!r} is a mechanism name (RFC 4422 §3.1)")
        _success(mechanism, dialogue)
        expect(
            not mechanism.channel_binding or mechanism.channel_binding in dialogue.channel_bindings,
            "the dialogue has the channel binding that the mechanism needs",
        )
        _refusal(mechanism, dialogue)
        _nothing_stored(mechanism, dialogue)
        _at_the_same_time(mechanism, dialogue)
        _cut_short(mechanism, dialogue)
        _hostile(mechanism, dialogue)


def _conditions(dialogue: Dialogue) -> SaslConditions:
    return SaslConditions(secured=True, channel_bindings=dialogue.channel_bindings)


def _play(
    mechanism: SaslMechanism, dialogue: Dialogue, responses: Sequence[bytes], judge: Judge
) -> Played:
    conditions = _conditions(dialogue)
    return play(mechanism, responses, judge=judge, stored=dialogue.stored, conditions=conditions)


def _nothing_stored(mechanism: SaslMechanism, dialogue: Dialogue) -> None:
    """A name that nobody has is led to the same end as a wrong proof."""
    if dialogue.stored is None:
        return
    conditions = _conditions(dialogue)
    found = [play(mechanism, dialogue.responses, judge=no, conditions=conditions) for _ in range(2)]
    known = _play(mechanism, dialogue, dialogue.responses, no)
    for played in found:
        result = played.result
        expect(isinstance(result, SaslFailure), "what nobody has stored proves nothing")
        expect(
            isinstance(result, SaslFailure) and not result.malformed,
            "an unknown name is not malformed",
        )
        expect_equal(
            [len(octets) for octets in played.challenges],
            [len(octets) for octets in known.challenges],
            "an unknown name is asked as much as a known one",
        )
    expect_equal(found[1].challenges, found[0].challenges, "and the same each time")


def _success(mechanism: SaslMechanism, dialogue: Dialogue) -> None:
    played = _play(mechanism, dialogue, dialogue.responses, yes)
    result = played.result
    if not isinstance(result, SaslSuccess):
        raise AssertionError(f"{mechanism.mechanism} succeeds: {result!r}")  # noqa: TRY004
    expect_equal(result.authcid, dialogue.name, "a success says who it was")
    expect_equal(result.authzid, dialogue.authzid, "a success says whom to act as")
    for claim in played.claims:
        expect_equal(claim.name, dialogue.name, "the name is claimed as it was given")
        if dialogue.secret is not None:
            expect_equal(claim.secret.reveal(), dialogue.secret, "and so is the secret")
        shown = repr(claim).replace("secret=", "", 1)  # the name of the field
        expect(dialogue.secret is None or dialogue.secret not in shown, f"no secret in {shown}")
    if dialogue.stored is not None:
        expect_equal(
            result.verdict, Verified(dialogue.stored.account), "the account is the stored key's"
        )
        secret = dialogue.stored.value.reveal().encode()
        said = b"".join((*played.challenges, result.data))
        expect(secret not in said, "what is stored is not told")
    if dialogue.secret is not None:
        expect(mechanism.plaintext, "a mechanism that sees the password says `plaintext`")
        expect_equal(len(played.claims), 1, "a password is claimed once")
        expect(isinstance(result.verdict, Verified), "a success carries its verdict")


def _refusal(mechanism: SaslMechanism, dialogue: Dialogue) -> None:
    if dialogue.secret is None:
        return
    for judge in (no, unknown):
        result = play(mechanism, dialogue.responses, judge=judge).result
        expect(isinstance(result, SaslFailure), "what is not verified fails")
    results = [play(mechanism, dialogue.responses, judge=judge).result for judge in (no, unknown)]
    expect_equal(results[0], results[1], "a wrong password and an unknown name fail alike")
    expect(
        isinstance(results[0], SaslFailure) and not results[0].malformed,
        "a wrong password is not malformed",
    )


def _at_the_same_time(mechanism: SaslMechanism, dialogue: Dialogue) -> None:
    first, second = (mechanism.begin(_conditions(dialogue)) for _ in range(2))
    expect(first is not second, "each exchange is a new one")
    before = _advance(first, None)
    _advance(second, None)
    second.close()
    if isinstance(before, Challenge):
        found = _advance(first, dialogue.responses[0])
        ended = isinstance(found, SaslFailure)
        expect(not ended, "an exchange does not hear of another one's end")
    first.close()


def _advance(exchange: SaslExchange, answer: SaslAnswer) -> object:
    try:
        return exchange.send(answer)
    except StopIteration as stop:
        return stop.value


def _cut_short(mechanism: SaslMechanism, dialogue: Dialogue) -> None:
    for length in range(len(dialogue.responses)):
        played = _play(mechanism, dialogue, dialogue.responses[:length], yes)
        expect_equal(played.result, None, "nothing is proved before the last response")
        expect_equal(played.claims, [], "nothing is claimed before the last response")


def _hostile(mechanism: SaslMechanism, dialogue: Dialogue) -> None:
    """Any octets end in a result, never in an exception, and never in a success when denied."""
    random = Random(_SEED)  # noqa: S311 - the same octets each time
    fixed = [b"", b"\0", b"\0\0", b"\0\0\0\0", b"\xff" * 100, b"*", b"=", b"x" * 65_536]
    guesses = [random.randbytes(random.randrange(GUESS_OCTETS)) for _ in range(GUESSES)]
    broken = [_broken(random, response) for response in dialogue.responses * 20]
    for octets in [*fixed, *guesses, *broken]:
        for place, right in enumerate(dialogue.responses):
            if octets == right:
                continue  # a break that broke nothing
            responses = [*dialogue.responses]
            responses[place] = octets
            _one_hostile(mechanism, dialogue, [*responses, octets])


def _one_hostile(mechanism: SaslMechanism, dialogue: Dialogue, responses: list[bytes]) -> None:
    try:
        played = _play(mechanism, dialogue, responses, no)
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"{mechanism.mechanism} raises {error!r} for {responses!r}") from error
    expect(not isinstance(played.result, SaslSuccess), "what is denied never succeeds")
    for claim in played.claims:
        expect(claim.name, "an empty name is never claimed")
        expect(claim.secret.reveal(), "an empty secret is never claimed")
        expect("\0" not in claim.name + claim.secret.reveal(), "NUL is never claimed")


def _broken(random: Random, response: bytes) -> bytes:
    octets = bytearray(response or b"x")
    octets[random.randrange(len(octets))] = random.choice(b"\0\x01\r\n\x7f\x80\xff=,")
    return bytes(octets)
