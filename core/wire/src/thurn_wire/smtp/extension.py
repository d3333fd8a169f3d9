"""ESMTP extensions: which keywords are said when, and how a client reads them.

    ehlo-line = ehlo-keyword *( SP ehlo-param )      ; RFC 5321 §4.1.1.1

Rules of this file: STARTTLS is said only while it may be used (never under TLS, RFC 3207 §4.2),
AUTH only with mechanisms (RFC 4954 §4). 8BITMIME and PIPELINING cost nothing and are always said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension that the engine does not know by itself, such as DSN.

    Attributes:
        line: the EHLO line: keyword and parameters.
        mail_parameters: the words it adds to MAIL, upper case.
        recipient_parameters: the words it adds to RCPT, upper case.
    """

    line: str
    mail_parameters: frozenset[str] = field(default=frozenset())
    recipient_parameters: frozenset[str] = field(default=frozenset())


def keywords(
    *,
    size_octets: int,
    chunking: bool,
    smtputf8: bool,
    starttls: bool,
    mechanisms: Iterable[str],
    extensions: Iterable[Extension],
) -> tuple[str, ...]:
    """The lines of an EHLO or LHLO reply after the first."""
    lines = ["PIPELINING", f"SIZE {size_octets}", "8BITMIME", "ENHANCEDSTATUSCODES"]
    if smtputf8:
        lines.append("SMTPUTF8")  # RFC 6531 §3.1: with 8BITMIME
    if chunking:
        lines.append("CHUNKING")
    if starttls:
        lines.append("STARTTLS")
    offered = " ".join(mechanisms)
    if offered:
        lines.append(f"AUTH {offered}")
    lines += [extension.line for extension in extensions]
    return tuple(lines)


def read_keywords(lines: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Keyword (upper case) to parameters, of the lines after the first; the first of equals wins.

    Old servers say `AUTH=LOGIN`; that is read as `AUTH LOGIN`.
    """
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        words = line.split()
        if words and words[0][:5].upper() == "AUTH=":
            words[0:1] = ["AUTH", words[0][5:]]
        if words:
            found.setdefault(words[0].upper(), tuple(words[1:]))
    return found
