"""Sections by their IMAP names: `1.2`, `1.2.MIME`, `2.HEADER`, `TEXT`; empty for the whole.

The names are the section-spec of RFC 3501 §9 without HEADER.FIELDS: the caller filters HEADER.
"""

from __future__ import annotations

from thurn_message.limits import MAX_SECTION_OCTETS
from thurn_message.mime.part import Part


def find_part(root: Part, numbers: str) -> Part | None:
    """The part that `1.2.3` names, or None. RFC 3501 §6.4.5."""
    part: Part | None = None
    choices = _numbered(root, top=True)
    for number in numbers.split("."):
        # No message has a part number of more than five digits; nz-number never begins with zero.
        if not (number.isascii() and number.isdigit()) or len(number) > 5 or number[0] == "0":
            return None
        index = int(number) - 1
        if index >= len(choices):
            return None
        part = choices[index]
        choices = _numbered(part, top=False)
    return part


def find_section(root: Part, name: str) -> tuple[int, int] | None:
    """The span of the section, or None if the message has no section of that name.

    Args:
        root: the message.
        name: in upper or lower case; empty for the whole message.

    RFC 3501 §6.4.5.
    """
    if len(name) > MAX_SECTION_OCTETS:
        return None
    if not name:
        return root.header_start, root.body_end
    numbers, dot, keyword = name.upper().rpartition(".")
    if not dot:
        numbers, keyword = (name, "") if name.isdigit() else ("", keyword)
    elif keyword.isdigit():
        numbers, keyword = name, ""
    elif not numbers or not keyword:
        return None
    part = find_part(root, numbers) if numbers else root
    return _span(part, keyword, top=not numbers) if part is not None else None


def _span(part: Part, keyword: str, *, top: bool) -> tuple[int, int] | None:
    """The span that the keyword names in a part, or in the message if `top`."""
    if not keyword:
        return part.body_start, part.body_end
    if keyword == "MIME":
        return None if top else (part.header_start, part.body_start)
    message = part if top else _message_of(part)
    if message is None or keyword not in ("HEADER", "TEXT"):
        return None
    if keyword == "HEADER":
        return message.header_start, message.body_start
    return message.body_start, message.body_end


def _message_of(part: Part) -> Part | None:
    return part.children[0] if part.is_message else None


def _numbered(part: Part, *, top: bool) -> list[Part]:
    """The parts that the next number chooses from; a message may have only one."""
    message = part if top else _message_of(part)
    if message is None:
        return part.children if part.is_multipart else []
    return message.children if message.is_multipart else [message]
