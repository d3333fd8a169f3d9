"""Runs a transcript against a dialogue: in turn, whole, octet by octet and in seeded cuts.

Rules of this file:
1. In turn: as a client that waits for each answer; each group of `S` lines must be there right
   after the `C` lines before it. This run shows a mistake at its line.
2. Whole, octet by octet, in seeded cuts: all `C` lines between two actions (`X:`) are one stream
   of octets, sent without waiting; the answers must match the same lines.
3. A large `C` line (more than LARGE_LINE_OCTETS) is cut finely only in its first and last
   EDGE_OCTETS: there a literal, a line or a limit begins and ends. Its middle, which mostly repeats
   itself, is cut into blocks of about BLOCK_OCTETS; where a block has a line end, its edge stands
   in turn before, inside and behind one. So a script of megabytes costs as much as a small one.
4. The octets of all answers must be the same in every run: no result depends on the cuts.
5. `X: whole` leaves only the run "whole": for octets that matter by coming together, as those
   sent early behind STARTTLS.

This file knows no protocol and no socket.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from thurn_testing.transcript.script import Script, Step

SEEDED_RUNS: Final = 5
"""Runs with random cuts of each file; all runs of a usual file take well under 10 ms."""
LONGEST_CUT_OCTETS: Final = 40
"""Longest piece of a random cut: about a command, so that most pieces end inside a line."""
LARGE_LINE_OCTETS: Final = 1200
"""Longest `C` line that is cut finely as a whole: above a text line (RFC 5321 §4.5.3.1.6)."""
EDGE_OCTETS: Final = 512
"""The ends of a large line that are cut finely: a command line (RFC 5321 §4.5.3.1.4) of each."""
BLOCK_OCTETS: Final = 4096
"""Longest block in the middle of a large line: below what a listener reads at once."""


class Dialogue(Protocol):
    """The other end of a transcript: an engine with a session around it."""

    @property
    def closed(self) -> bool:
        """Whether the server's side has closed; it must then ignore what is fed."""
        ...

    def connect(self) -> bytes:
        """Open the connection; returns the octets that the server sends first."""
        ...

    def feed(self, octets: bytes) -> bytes:
        """Send these octets as the client; returns all octets that the server answers."""
        ...

    def act(self, verb: str, argument: str) -> bytes:
        """Do something else (`eof`, `starttls`, `advance`); returns the octets that follow."""
        ...


class MismatchError(AssertionError):
    """The dialogue answered otherwise than the transcript says."""


def run(
    script: Script,
    make: Callable[[Mapping[str, str]], Dialogue],
    *,
    seeded_runs: int = SEEDED_RUNS,
) -> None:
    """Passes if the dialogue answers as the script says, however its octets are cut.

    Args:
        script: the transcript.
        make: makes a new dialogue from the script's settings, once for each run.
        seeded_runs: how many runs have random cuts; fewer where a dialogue is a whole site, over an
            engine that has the others in tests of its own.

    Raises:
        MismatchError: names file and line, the expected and the received answer.
    """
    whole = _run(script, make(script.settings), "whole", uncut)
    if script.whole:
        return
    _run(script, make(script.settings), "in turn", None)
    runs: list[tuple[str, Cut]] = [("octet by octet", single_octets)]
    runs += [(f"cuts of seed {seed}", cuts_of(seed)) for seed in range(seeded_runs)]
    for title, cut in runs:
        answers = _run(script, make(script.settings), title, cut)
        if answers != whole:
            raise MismatchError(
                f"{script.name} ({title}): other octets than whole:\n{answers!r}\n{whole!r}"
            )


@dataclass(frozen=True, slots=True)
class Stream:
    """Octets that are sent without waiting, and the middles of the large lines among them."""

    octets: bytes
    middles: tuple[range, ...]

    @classmethod
    def of(cls, lines: Sequence[bytes]) -> Stream:
        """The stream of these `C` lines."""
        middles, start = [], 0
        for line in lines:
            if len(line) > LARGE_LINE_OCTETS:
                middles.append(range(start + EDGE_OCTETS, start + len(line) - EDGE_OCTETS))
            start += len(line)
        return cls(b"".join(lines), tuple(middles))

    def parts(self) -> Iterator[tuple[range, bool]]:
        """All places in order, each part with whether it is a middle."""
        position = 0
        for middle in self.middles:
            yield range(position, middle.start), False
            yield middle, True
            position = middle.stop
        yield range(position, len(self.octets)), False


Cut = Callable[[Stream], Iterator[bytes]]


def uncut(stream: Stream) -> Iterator[bytes]:
    """The whole stream at once; an empty one is not fed, since that may mean the stream's end."""
    return iter((stream.octets,) if stream.octets else ())


def single_octets(stream: Stream) -> Iterator[bytes]:
    """Each octet by itself, the middles of large lines in blocks."""
    for part, is_middle in stream.parts():
        edges = block_edges(stream.octets, part) if is_middle else part[1:]
        yield from _between(stream.octets, part, edges)


def block_edges(octets: bytes, middle: range) -> Iterator[int]:
    """Where the blocks of a middle end: in turn before, inside and behind a line end."""
    position = middle.start
    for shift in itertools.cycle((0, 1, 2)):
        furthest = position + BLOCK_OCTETS
        if furthest >= middle.stop:
            return
        line_end = octets.rfind(b"\r\n", position + 1, furthest - shift + 2)
        position = furthest if line_end < 0 else line_end + shift
        yield position


def cuts_of(seed: int) -> Cut:
    """Cuts at places that depend on the seed only, coarse in the middles of large lines."""
    choice = random.Random(seed)  # noqa: S311 - repeatable cuts, no secret

    def edges(part: range, longest_octets: int) -> Iterator[int]:
        position = part.start + choice.randint(1, longest_octets)
        while position < part.stop:
            yield position
            position += choice.randint(1, longest_octets)

    def cut(stream: Stream) -> Iterator[bytes]:
        for part, is_middle in stream.parts():
            longest_octets = BLOCK_OCTETS if is_middle else LONGEST_CUT_OCTETS
            yield from _between(stream.octets, part, edges(part, longest_octets))

    return cut


def _between(octets: bytes, part: range, edges: Iterable[int]) -> Iterator[bytes]:
    """The pieces of a part between these edges; nothing of an empty part."""
    position = part.start
    for edge in edges:
        yield octets[position:edge]
        position = edge
    if position < part.stop:
        yield octets[position : part.stop]


def _run(script: Script, dialogue: Dialogue, title: str, cut: Cut | None) -> bytes:
    """One run; `cut` None is "in turn". Returns the octets of all answers."""
    answers, pending = [], dialogue.connect()
    for sent, expected, action in _groups(script.steps, in_turn=cut is None):
        for piece in (cut or uncut)(Stream.of(sent)):
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
    if verb == "turn":
        return b""
    if verb != "closed":
        return dialogue.act(verb, argument.strip())
    if not dialogue.closed:
        raise MismatchError(f"{script.name}:{action.line} ({title}): the server has not closed")
    return b""


def _groups(
    steps: Sequence[Step], *, in_turn: bool
) -> Iterator[tuple[list[bytes], list[Step], Step | None]]:
    """(lines to send, answers expected, action after them), cut at actions, or at each turn."""
    sent: list[bytes] = []
    expected: list[Step] = []
    for step in steps:
        if step.kind == "X:":
            yield sent, expected, step
            sent, expected = [], []
        elif step.kind[0] == "S":
            expected.append(step)
        else:
            if in_turn and expected:
                yield sent, expected, None
                sent, expected = [], []
            sent.append(step.octets)
    yield sent, expected, None


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
