"""Says what is wrong with an answer that has the right type.

Rules of this file: a function returns a text for the operator, or "" if the answer makes sense; it
never raises. What a peer would read and what would be put into a message is checked before it is
used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from thurn_message.headerfield import header, text_header, whole_fields

from thurn.types.address import Address
from thurn.types.decision import (
    Accept,
    AddRecipient,
    ChangeSender,
    Continue,
    Disconnect,
    Edit,
    InsertFields,
    InsertHeader,
    Quarantine,
    Reject,
    RemoveHeader,
    RemoveRecipient,
    ReplaceHeader,
    Tempfail,
)

_ENHANCED: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
"""RFC 3463 §2."""
_SHOWN_CHARACTERS: Final = 200
"""Most characters of an answer that are shown in a message for the operator."""


def shown(answer: object) -> str:
    """An answer as text for the operator, whatever its `repr` does."""
    try:
        return f"{answer!r:.{_SHOWN_CHARACTERS}}"
    except Exception as error:  # noqa: BLE001 - a plugin's own `__repr__`
        return f"{type(answer).__name__} whose repr raises {type(error).__name__}"


def nonsense_in(answer: object) -> str:
    """What is wrong with a decision; "" if it makes sense."""
    match answer:
        case Continue(edits=()) | Accept(edits=()):
            problem = ""
        case Continue() | Accept() | Quarantine():
            problem = _nonsense_in_edits(answer.edits)
            if not problem and isinstance(answer, Quarantine):
                problem = _not_text("mailbox", answer.mailbox)
        case Reject():
            problem = _nonsense_in_reply(5, answer.code, answer.enhanced, answer.text)
        case Tempfail():
            problem = _nonsense_in_reply(4, answer.code, answer.enhanced, answer.text)
        case Disconnect():
            problem = _nonsense_in_reply(4, 421, answer.enhanced, answer.text)
        case _:
            problem = ""
    return problem or _not_text("reason", getattr(answer, "reason", ""))


def _nonsense_in_reply(wanted: int, code: object, enhanced: object, text: object) -> str:
    """What is wrong with a refusal. With a wrong code the peer would forget a message that was not
    stored."""
    if not isinstance(code, int) or code // 100 != wanted:
        return f"the code {code!r:.20} is not {wanted}xx"
    if not isinstance(enhanced, str) or not _ENHANCED.fullmatch(enhanced):
        return f"{enhanced!r:.40} is not an enhanced status code"
    if enhanced[0] != str(wanted):
        return f"the code {code} contradicts {enhanced}"
    return _not_text("text", text)


def _not_text(name: str, value: object) -> str:
    if not isinstance(value, str):
        return f"its {name} is not text but {type(value).__name__}"
    return f"its {name} has control characters" if _has_controls(value) else ""


def _has_controls(text: str) -> bool:
    return not text.isprintable() and any(c < " " or c == "\x7f" for c in text)


def _nonsense_in_edits(edits: object) -> str:
    if isinstance(edits, str) or not isinstance(edits, Iterable):
        return f"its edits are not a tuple but {type(edits).__name__}"
    for edit in edits:
        problem = _nonsense_in_edit(edit)
        if problem:
            return f"{shown(edit)}: {problem}"
    return ""


def _nonsense_in_edit(edit: Edit | object) -> str:
    match edit:
        case InsertHeader(name, value) | ReplaceHeader(name, value):
            return _nonsense_in_field(name, value)
        case RemoveHeader(name):
            return _nonsense_in_field(name, "")
        case InsertFields(octets):
            return _nonsense_in_fields(octets)
        case ChangeSender(sender):
            return _not_address(sender) if sender is not None else ""
        case AddRecipient(address) | RemoveRecipient(address):
            return _not_address(address)
        case _:
            return "not an edit"


def _nonsense_in_field(name: object, value: object) -> str:
    if not isinstance(name, str) or not isinstance(value, str):
        return "a header's name and value are text"
    try:
        _ = header(name, value) if value.isascii() else text_header(name, value)
    except ValueError as error:
        return str(error)
    return ""


def _nonsense_in_fields(octets: object) -> str:
    if not isinstance(octets, bytes):
        return "header fields are octets"
    try:
        _ = whole_fields(octets)
    except ValueError as error:
        return str(error)
    return ""


def _not_address(value: object) -> str:
    return "" if isinstance(value, Address) else f"not an Address but {type(value).__name__}"
