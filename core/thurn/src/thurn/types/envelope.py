"""The envelope: who sends to whom, whatever the message's header claims. RFC 5321 §2.3.1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from thurn.types.address import Address

NO_PARAMETERS: Mapping[str, str | None] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where one RCPT command wants the message to go.

    Attributes:
        address: the forward-path.
        parameters: the RCPT extension words as given, upper-case keys (DSN, RFC 3461 §4).
        original: the address the peer named, where an alias led from it to `address`.
    """

    address: Address
    parameters: Mapping[str, str | None] = field(
        default_factory=lambda: NO_PARAMETERS, hash=False, compare=False
    )
    original: Address | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """Sender, recipients and extension words of a message, as they are stored with it in the queue.

    Attributes:
        sender: the reverse-path; None is `<>`, which nobody may answer. RFC 5321 §6.1.
        recipients: the forward-paths, each with its own extension words.
        parameters: the MAIL extension words as given, upper-case keys (BODY, RET …).
    """

    sender: Address | None
    recipients: tuple[Recipient, ...]
    parameters: Mapping[str, str | None] = field(
        default_factory=lambda: NO_PARAMETERS, hash=False, compare=False
    )
