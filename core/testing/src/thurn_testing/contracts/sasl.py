r"""The conformance kit of SASL mechanisms (`thurn.contracts.sasl`), driven without a gate.

    async def test_contract():
        async with factory.open(NoSettings(), FakeContext(tmp_path)) as product:
            check_sasl(product, {"PLAIN": Dialogue((b"\0alice\0secret",), "alice", "secret")})

A response that depends on what the mechanism has sent is a function of its last challenge, as in
SCRAM (`client` is a `thurn_testing.scram.ScramClient`):

    Dialogue((client.first, client.final), "alice", stored=stored)

`play` is public: tests of mechanisms play their own dialogues with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, TypeAlias

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
"""Most requests of one exchange; real mechanisms have under ten."""
GUESSES: Final = 300
"""Responses that are made at random, for each place in a dialogue."""
GUESS_OCTETS: Final = 40
"""Length that such a response stays below, in octets."""
SAME_PLAYS: Final = 8
"""Exchanges of which the octets that are always the same are found: a nonce differs in each of its
places soon."""

_NAME: Final = re.compile(r"[A-Z0-9_-]{1,20}")
_SEED: Final = 4422


Response: TypeAlias = bytes | Callable[[bytes], bytes]
"""What a peer says: octets, or a function of the challenge that is answered."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What a peer says to log in.

    Attributes:
        responses: in order. A mechanism that lets the peer speak first asks for the first one with
            an empty challenge. Where one is a function, the mechanism proves that the peer is there
            now: the same octets must not log in again.
        name: the name that has to be claimed.
        secret: the password or token that has to be claimed; None where it never shows itself.
        authzid: whom the peer asks to act as.
        stored: answers `NeedStoredKey`.
        channel_bindings: what the connection has, for mechanisms that bind.
    """

    responses: tuple[Response, ...]
    name: str
    secret: str | None = None
    authzid: str = ""
    stored: StoredKey | None = None
    channel_bindings: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Played:
    """How an exchange went.

    Attributes:
        challenges: what the mechanism sent.
        responses: what the peer answered.
        claims: what the mechanism wanted to be verified.
        result: how it ended; None where the responses were over before.
    """

    challenges: list[bytes] = field(default_factory=list)
    responses: list[bytes] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    result: SaslResult | None = None


Judge = Callable[[Claim], Verdict]


def play(
    mechanism: SaslMechanism,
    responses: Sequence[Response],
    *,
    judge: Judge,
    stored: StoredKey | None = None,
    conditions: SaslConditions = SECURED,
) -> Played:
    """Run one exchange; it is closed when the responses are over.

    Raises:
        Exception: whatever the mechanism raises, which is against the contract, or a function
            among the responses.
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
                response = next(left, None)
                if response is None:
                    exchange.close()
                    return played
                answer = response if isinstance(response, bytes) else response(octets)
                played.responses.append(answer)
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
        _replayed(mechanism, dialogue)
        _nothing_stored(mechanism, dialogue)
        _at_the_same_time(mechanism, dialogue)
        _cut_short(mechanism, dialogue)
        _hostile(mechanism, dialogue)


def _conditions(dialogue: Dialogue) -> SaslConditions:
    return SaslConditions(secured=True, channel_bindings=dialogue.channel_bindings)


def _play(
    mechanism: SaslMechanism, dialogue: Dialogue, responses: Sequence[Response], judge: Judge
) -> Played:
    conditions = _conditions(dialogue)
    return play(mechanism, responses, judge=judge, stored=dialogue.stored, conditions=conditions)


def _replayed(mechanism: SaslMechanism, dialogue: Dialogue) -> None:
    """What one exchange proved proves nothing in the next one. RFC 5802 §9."""
    if all(isinstance(response, bytes) for response in dialogue.responses):
        return
    spoken = _play(mechanism, dialogue, dialogue.responses, yes).responses
    replayed = _play(mechanism, dialogue, spoken, yes).result
    expect(not isinstance(replayed, SaslSuccess), "the octets of an earlier login log nobody in")


def _nothing_stored(mechanism: SaslMechanism, dialogue: Dialogue) -> None:
    """A name that nobody has is led to the same end as a wrong proof."""
    if dialogue.stored is None:
        return
    conditions = _conditions(dialogue)
    unknown_name = [
        play(mechanism, dialogue.responses, judge=no, conditions=conditions) for _ in range(2)
    ]
    known = [_play(mechanism, dialogue, dialogue.responses, no) for _ in range(SAME_PLAYS)]
    for played in unknown_name:
        result = played.result
        expect(isinstance(result, SaslFailure), "what nobody has stored proves nothing")
        expect(
            isinstance(result, SaslFailure) and not result.malformed,
            "an unknown name is not malformed",
        )
        expect_equal(
            [len(octets) for octets in played.challenges],
            [len(octets) for octets in known[0].challenges],
            "an unknown name is asked as much as a known one",
        )
    said = [_said(played) for played in known]
    same = [place for place, octets in enumerate(zip(*said, strict=True)) if len({*octets}) == 1]
    first, second = (_said(played) for played in unknown_name)
    expect(
        all(first[place] == second[place] for place in same),
        "an unknown name is asked the same each time where a known one is",
    )


def _said(played: Played) -> bytes:
    return b"".join(played.challenges)


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
        response = dialogue.responses[0]
        octets = response if isinstance(response, bytes) else response(before.data)
        ended = isinstance(_advance(first, octets), SaslFailure)
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
    spoken = _play(mechanism, dialogue, dialogue.responses, yes).responses
    broken = [_broken(random, response) for response in spoken * 20]
    for octets in [*fixed, *guesses, *broken]:
        for place, right in enumerate(spoken):
            if octets == right:
                continue  # a break that broke nothing
            responses = [*map(_guarded, dialogue.responses)]
            responses[place] = octets
            _one_hostile(mechanism, dialogue, [*responses, octets])


class _GivesUp(Exception):
    """The peer cannot answer what the mechanism has sent."""


def _guarded(response: Response) -> Response:
    """The same response; a function that cannot read a challenge gives up."""
    if isinstance(response, bytes):
        return response

    def answer(challenge: bytes) -> bytes:
        try:
            return response(challenge)
        except Exception as error:
            raise _GivesUp from error

    return answer


def _one_hostile(mechanism: SaslMechanism, dialogue: Dialogue, responses: list[Response]) -> None:
    try:
        played = _play(mechanism, dialogue, responses, no)
    except (AssertionError, _GivesUp) as error:
        if isinstance(error, AssertionError):
            raise
        return
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
