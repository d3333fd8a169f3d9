"""The mail of the mailboxes that are measured: as many different messages as wanted, and what a
search must find in them.

A message is one of the corpus with a Message-ID of its own, a received date of its own, and the
rare word in one of a thousand; every third is unseen.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import lru_cache

import corpus
from imapwire import ImapClient, Letter

RARE_WORD = "zyzzyva"
RARE_EVERY = 1000
SENDER = re.findall(r"<([^@]+)@", corpus.PEOPLE[17])[0]
SUBJECT_WORD = corpus.WORDS[2500]
SINCE = "1-Jan-2025"
BATCH_MESSAGES = 200

_FIRST = 1_600_000_000
_SINCE_SECONDS = 1_735_689_600


def _received(number: int) -> int:
    return _FIRST + (number * 7919 % 100_003) * 3600 // 2


def _is_unseen(number: int) -> bool:
    return number % 3 == 0


def _is_rare(number: int) -> bool:
    return number % RARE_EVERY == RARE_EVERY - 1


@lru_cache(maxsize=corpus.CORPUS_MESSAGES)
def _base(number: int, size_octets: int) -> tuple[bytes, bytes, bytes]:
    """A message of the corpus, cut after the ``<`` of its Message-ID and before its first text."""
    octets = corpus.message(number, size_octets)
    first, rest = octets.split(b"Message-ID: <", 1)
    text = rest.index(b"\r\n\r\n") + 4
    if rest.startswith(b"--", text):
        text = rest.index(b"\r\n\r\n", text) + 4
    return first + b"Message-ID: <", rest[:text], rest[text:]


def letter(number: int, size_octets: int) -> Letter:
    """One message, the same for the same number and size."""
    first, header, text = _base(number % corpus.CORPUS_MESSAGES, size_octets)
    rare = f"{RARE_WORD}\r\n".encode() if _is_rare(number) else b""
    date = time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(_received(number)))
    flags = "" if _is_unseen(number) else "\\Seen"
    return Letter(b"%sb%d.%s%s%s" % (first, number, header, rare, text), flags, date)


def batches(start: int, stop: int, size_octets: int, batch: int) -> Iterator[list[Letter]]:
    """The messages with these numbers, in groups."""
    for first in range(start, stop, batch):
        yield [letter(n, size_octets) for n in range(first, min(first + batch, stop))]


def fill(client: ImapClient, mailbox: str, count: int, size_octets: int) -> None:
    """Put the first ``count`` messages into a new mailbox, as fast as the server takes them."""
    client.ask(f"CREATE {mailbox}")
    batch = BATCH_MESSAGES if "MULTIAPPEND" in client.capabilities else 1
    for letters in batches(0, count, size_octets, batch):
        client.append(mailbox, letters)
    if (have := client.messages(mailbox)) != count:
        raise SystemExit(f"{mailbox} has {have} messages of {count}")


def expected_hits(count: int) -> dict[str, int]:
    """How many of the first ``count`` messages each search must find."""
    size = corpus.CORPUS_MESSAGES
    heads = [corpus.message(n).partition(b"\r\n\r\n")[0].decode() for n in range(size)]
    senders = [re.findall(r"(?m)^From: (.*)$", head)[0] for head in heads]
    subjects = [re.findall(r"(?m)^Subject: (.*)$", head)[0] for head in heads]
    numbers = range(count)
    return {
        "from": sum(SENDER in senders[n % size] for n in numbers),
        "subject": sum(SUBJECT_WORD in subjects[n % size] for n in numbers),
        "unseen since": sum(
            _is_unseen(n) and _received(n) // 86400 >= _SINCE_SECONDS // 86400 for n in numbers
        ),
        "body": sum(map(_is_rare, numbers)),
    }
