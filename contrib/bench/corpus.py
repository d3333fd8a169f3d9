"""Deterministic test mail of about 5 KB: Zipf words, threads, lists, spam marks, 1 in 5 multipart.

``message(number)`` is the same octets every time, with CRLF line ends and no line that starts
with a dot. The number of messages is prime, so that round-robin gives each account a mixture.
"""

from __future__ import annotations

import email.utils
import random
from pathlib import Path

CORPUS_MESSAGES = 997

_random = random.Random(20)
_syllables = [
    c + v + e for c in "bcdfghjklmnprstvw" for v in "aeiou" for e in ("", "n", "r", "st", "l")
]
WORDS = sorted(
    {
        "".join(_random.choices(_syllables, k=_random.choice((1, 2, 2, 3, 3, 4))))
        for _ in range(30000)
    }
)
_random.shuffle(WORDS)
_text = _random.choices(WORDS, weights=[1 / (i + 3) for i in range(len(WORDS))], k=100_000)


def _paragraph(start: int) -> str:
    lines: list[str] = []
    line = ""
    for word in _text[start : start + 130]:
        if len(line) + len(word) > 70:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\r\n".join([*lines, line])


PARAGRAPHS = [_paragraph(_random.randrange(len(_text) - 200)) for _ in range(1000)]
PEOPLE = [
    f"{a.capitalize()} {b.capitalize()} <{a}.{b}@{c}.example>"
    for a, b, c in zip(WORDS[100:600], WORDS[1000:1500], WORDS[2000:2500], strict=True)
]


def _header(number: int, chance: random.Random) -> list[str]:
    date = email.utils.formatdate(1_600_000_000 + (number * 7919 % 100_003) * 600)
    parent = number - chance.randint(1, 50) if number > 50 and chance.random() < 0.6 else None
    subject = " ".join(chance.choices(WORDS[:3000], k=chance.randint(2, 8)))
    lines = [
        (
            f"Received: from mx{number % 7}.example (mx{number % 7}.example)"
            f"\r\n\tby mx.bench.test with ESMTPS id {number:x};\r\n\t{date}"
        ),
        f"From: {PEOPLE[chance.randrange(len(PEOPLE))]}",
        "To: <u1@bench.test>",
        f"Subject: {'Re: ' if parent else ''}{subject}",
        f"Date: {date}",
        f"Message-ID: <m{number}@gen.example>",
    ]
    if parent is not None:
        lines.append(f"In-Reply-To: <m{parent}@gen.example>")
        lines.append(f"References: <m{max(parent - 9, 0)}@gen.example> <m{parent}@gen.example>")
    if number % 10 == 3:
        lines.append("List-Id: bench list <list.bench.test>")
    if number % 20 == 11:
        lines.append("X-Spam-Flag: YES")
    return [*lines, "MIME-Version: 1.0"]


def message(number: int, size_octets: int = 5000) -> bytes:
    """One message of about ``size_octets``, the same for the same number."""
    chance = random.Random(number)
    header = _header(number, chance)
    text: list[str] = []
    length = 75 * len(header)
    while length < size_octets - 300:
        paragraph = PARAGRAPHS[chance.randrange(len(PARAGRAPHS))]
        text.append(paragraph[: size_octets - length - 100].rstrip("\r\n"))  # not half a CRLF
        length += len(text[-1]) + 4
    if number % 5:
        header.append("Content-Type: text/plain; charset=utf-8")
        body = "\r\n\r\n".join(text) + "\r\n"
    else:
        edge = f"=_{number:x}_="
        header.append(f'Content-Type: multipart/alternative; boundary="{edge}"')
        cut = len(text) // 2
        body = (
            f"--{edge}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
            + "\r\n\r\n".join(text[:cut])
            + f"\r\n--{edge}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>"
            + "<p>".join(text[cut:])
            + f"\r\n--{edge}--\r\n"
        )
    return ("\r\n".join(header) + "\r\n\r\n" + body).encode()


def write(directory: Path) -> None:
    """Every message as a file of its own in ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    for number in range(CORPUS_MESSAGES):
        (directory / f"{number:06}").write_bytes(message(number))
