"""Runs a transcript against a dialogue: in turn, whole, octet by octet and in seeded cuts.

Rules of this file:
1. In turn: what a client does that waits; each group of `S` lines must be there right after the
   `C` lines before it. This run shows a mistake at its line.
2. Whole, octet by octet, in seeded cuts: what lies between two actions (`X:`) is one stream of
   octets, sent without waiting; the answers must match the same lines.
3. The octets of all answers must be the same in every run: no result depends on the cuts.
4. `X: whole` leaves only the run "whole": for octets that matter by coming together, as those
   sent early behind STARTTLS.

This file knows no protocol and no socket.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from thurn_testing.transcript.script import Script, Step

SEEDED_RUNS: Final = 5
"""Runs with random cuts per file: with the other three well under 10 ms for a usual file."""
LONGEST_CUT_OCTETS: Final = 40
"""Longest piece of a random cut: about a command, so that most pieces end inside a line."""


class Dialogue(Protocol):
    """What a transcript talks to: an engine with a session around it."""

    @property
    def closed(self) -> bool:
        """Whether the server's side has closed; it must then ignore what is fed."""
        ...

    def connect(self) -> bytes:
        """Begin; returns what the server says first."""
        ...

    def feed(self, octets: bytes) -> bytes:
        """The client sends these octets; returns all that the server answers to them."""
        ...

    def act(self, verb: str, argument: str) -> bytes:
        """Something else happens (`eof`, `starttls`, `advance`); returns what the server says."""
        ...


class MismatchError(AssertionError):
    """The dialogue did not answer as the transcript says."""


def run(script: Script, make: Callable[[Mapping[str, str]], Dialogue]) -> None:
    """Passes if the dialogue answers as the script says, however its octets are cut.

    Args:
        script: the transcript.
        make: makes a new dialogue from the script's settings, once for each run.

    Raises:
        MismatchError: says file, line, what was expected and what came.
    """
    whole = _run(script, make(script.settings), "whole", uncut)
    if script.whole:
        return
    _run(script, make(script.settings), "in turn", None)
    runs: list[tuple[str, Cut]] = [("octet by octet", single_octets)]
    runs += [(f"cuts of seed {seed}", cuts_of(seed)) for seed in range(SEEDED_RUNS)]
    for title, cut in runs:
        answers = _run(script, make(script.settings), title, cut)
        if answers != whole:
            raise MismatchError(
                f"{script.name} ({title}): other octets than whole:\n{answers!r}\n{whole!r}"
            )


Cut = Callable[[bytes], Iterator[bytes]]


def uncut(octets: bytes) -> Iterator[bytes]:
    """All at once; nothing of nothing, since feeding no octets may mean the end of the stream."""
    return iter((octets,) if octets else ())


def single_octets(octets: bytes) -> Iterator[bytes]:
    """Each octet by itself."""
    return (octets[i : i + 1] for i in range(len(octets)))


def cuts_of(seed: int) -> Cut:
    """Cuts at places that depend on the seed only."""
    choice = random.Random(seed)  # noqa: S311 - repeatable cuts, no secret

    def cut(octets: bytes) -> Iterator[bytes]:
        position = 0
        while position < len(octets):
            length = choice.randint(1, LONGEST_CUT_OCTETS)
            yield octets[position : position + length]
            position += length

    return cut


def _run(script: Script, dialogue: Dialogue, title: str, cut: Cut | None) -> bytes:
    """One run; `cut` None is "in turn". Returns the octets of all answers."""
    answers, pending = [], dialogue.connect()
    for sent, expected, action in _groups(script.steps, in_turn=cut is None):
        for piece in (cut or uncut)(sent):
            pending += dialogue.feed(piece)
        _match(script, title, expected, pending)
        answers.append(pending)
        pending = b""
        if action is not None:
            pending = _act(script, title, dialogue, action)
    if pending:
        raise MismatchError(f"{script.name} ({title}): after the last line came {pending!r}")
    return b"".join(answers)


def _act(script: Script, title: str, dialogue: Dialogue, action: Step) -> bytes:
    verb, _, argument = action.text.partition(" ")
    if verb != "closed":
        return dialogue.act(verb, argument.strip())
    if not dialogue.closed:
        raise MismatchError(f"{script.name}:{action.line} ({title}): the server has not closed")
    return b""


def _groups(
    steps: Sequence[Step], *, in_turn: bool
) -> Iterator[tuple[bytes, list[Step], Step | None]]:
    """(octets to send, answers expected, action after them), cut at actions, or at each turn."""
    sent: list[bytes] = []
    expected: list[Step] = []
    for step in steps:
        if step.kind == "X:":
            yield b"".join(sent), expected, step
            sent, expected = [], []
        elif step.kind[0] == "S":
            expected.append(step)
        else:
            if in_turn and expected:
                yield b"".join(sent), expected, None
                sent, expected = [], []
            sent.append(step.octets)
    yield b"".join(sent), expected, None


def _match(script: Script, title: str, expected: Sequence[Step], answer: bytes) -> None:
    lines = answer.split(b"\r\n")
    rest = lines.pop()
    position = 0
    for step in expected:
        if step.kind == "S*":
            while position < len(lines) and _matches(step, lines[position]):
                position += 1
            continue
        got = lines[position] if position < len(lines) else rest
        if position >= len(lines) or not _matches(step, got):
            raise MismatchError(
                f"{script.name}:{step.line} ({title}): expected {step.text!r}, got {got!r}"
            )
        position += 1
    if position < len(lines) or rest:
        left = b"\r\n".join([*lines[position:], rest])
        where = expected[-1].line if expected else 0
        raise MismatchError(f"{script.name}:{where} ({title}): after this line came also {left!r}")


def _matches(step: Step, line: bytes) -> bool:
    if step.kind == "S:":
        return step.octets[:-2] == line
    return re.fullmatch(step.text, line.decode("utf-8", "surrogateescape")) is not None
