"""The keywords that EHLO and LHLO announce, and the parameters that they allow.

    ehlo-line = ehlo-keyword *( SP ehlo-param )      ; RFC 5321 §4.1.1.1

Rules of this file:
1. STARTTLS is announced only while it can be used (never under TLS, RFC 3207 §4.2), AUTH only with
   mechanisms (RFC 4954 §4).
2. 8BITMIME and PIPELINING are always announced: they cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension that the engine does not know by itself, such as DSN.

    Attributes:
        line: the EHLO line: keyword and parameters.
        mail_parameters: the keywords that it adds to MAIL, in upper case.
        recipient_parameters: the keywords that it adds to RCPT, in upper case.
    """

    line: str
    mail_parameters: frozenset[str] = field(default=frozenset())
    recipient_parameters: frozenset[str] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client may use now; the session sets it before each answer to EHLO.

    Attributes:
        mechanisms: SASL mechanisms in order of preference. RFC 4954 §3.
        starttls: STARTTLS. RFC 3207 §4.
    """

    mechanisms: tuple[str, ...] = ()
    starttls: bool = False


def keywords(
    offer: Offer,
    *,
    size_octets: int,
    chunking: bool,
    smtputf8: bool,
    extensions: Iterable[Extension],
) -> tuple[str, ...]:
    """The lines of an answer to EHLO or LHLO after the first."""
    lines = ["PIPELINING", f"SIZE {size_octets}", "8BITMIME", "ENHANCEDSTATUSCODES"]
    if smtputf8:
        lines.append("SMTPUTF8")  # RFC 6531 §3.1: together with 8BITMIME
    if chunking:
        lines.append("CHUNKING")
    if offer.starttls:
        lines.append("STARTTLS")
    if offer.mechanisms:
        lines.append("AUTH " + " ".join(offer.mechanisms))
    lines += [extension.line for extension in extensions]
    return tuple(lines)
