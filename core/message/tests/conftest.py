"""Checks shared by the tests, as fixtures that give functions.

`check_scan` holds for any content; `parse_imap` is a strict reader of IMAP strings and lists:
quoted strings without CR, LF, NUL, 8-bit; literals without NUL; NIL; numbers; balanced parentheses.
"""

from __future__ import annotations

import re

import pytest

_TOKEN = re.compile(rb'"((?:[^"\\\r\n\x00\x80-\xff]|\\["\\])*+)"|\{(\d+)\}\r\n|(NIL|\d+)|([() ])')


def parse(octets):
    """The value as nested lists of bytes, ints and None."""
    position, stack, current = 0, [], []
    while position < len(octets):
        match = _TOKEN.match(octets, position)
        assert match, octets[position : position + 40]
        position = match.end()
        quoted, literal, atom, mark = match.groups()
        if quoted is not None:
            current.append(re.sub(rb"\\(.)", rb"\1", quoted))
        elif literal is not None:
            text = octets[position : position + int(literal)]
            assert len(text) == int(literal)
            assert b"\0" not in text
            current.append(text)
            position += int(literal)
        elif atom is not None:
            current.append(None if atom == b"NIL" else int(atom))
        elif mark == b"(":
            stack.append(current)
            current = []
        elif mark == b")":
            stack[-1].append(current)
            current = stack.pop()
    assert not stack
    assert len(current) == 1
    return current[0]


def check_tiling(scan):
    """Offsets are in order and in bounds, parts lie inside their parents, sections agree."""
    size = len(scan.content)
    assert 0 <= scan.header_end <= size
    position = 0
    for field in scan.fields:
        assert position <= field.start < field.value <= field.end <= scan.header_end
        assert scan.content[field.start : field.start + len(field.name)].lower() == field.name
        position = field.end
    root = scan.root
    assert (root.header_start, root.header_end, root.body_end) == (0, scan.header_end, size)
    assert root.depth == 0
    seen = set()
    for part in scan.parts:
        seen.add(id(part))
        assert part.header_start <= part.header_end == part.body_start <= part.body_end <= size
        position = part.body_start
        for child in part.children:
            assert id(child) not in seen  # parents come first
            assert child.depth == part.depth + 1
            assert position <= child.header_start
            assert child.body_end <= part.body_end
            position = child.body_end
        if part.is_message:
            assert len(part.children) == 1
            nested = part.children[0]
            assert (nested.header_start, nested.body_end) == (part.body_start, part.body_end)
        elif not part.is_multipart:
            assert not part.children
    assert len(seen) == len(scan.parts)
    check_sections(scan)


def check_sections(scan):
    """Every part is found under its number, with the spans it has."""
    root = scan.root
    assert scan.section("") == (0, len(scan.content))
    assert scan.section("HEADER") == (0, scan.header_end)
    assert scan.section("text") == (scan.header_end, len(scan.content))
    stack = [("", root.children if root.is_multipart else [root])]
    while stack:
        prefix, parts = stack.pop()
        for number, part in enumerate(parts, 1):
            name = f"{prefix}{number}"
            assert scan.part(name) is part
            assert scan.section(name) == (part.body_start, part.body_end)
            assert scan.section(name + ".MIME") == (part.header_start, part.header_end)
            if part.is_message:
                nested = part.children[0]
                header, text = scan.section(name + ".HEADER"), scan.section(name + ".TEXT")
                assert header == (nested.header_start, nested.header_end)
                assert text == (nested.body_start, nested.body_end)
                assert (header[0], text[1]) == scan.section(name)
                inner = nested.children if nested.is_multipart else [nested]
            else:
                assert scan.section(name + ".HEADER") is None
                inner = part.children
            # Names of a hundred numbers are long; deeper ones may be refused.
            if len(name) < 900:
                stack.append((name + ".", inner))
        assert scan.part(f"{prefix}{len(parts) + 1}") is None


def check_all(scan):
    """All of the above, and what IMAP gets is one list each."""
    check_tiling(scan)
    for structure in (scan.envelope, scan.bodystructure, scan.body):
        assert isinstance(parse(structure), list)
    assert len(parse(scan.envelope)) == 10


@pytest.fixture(scope="session")
def check_scan():
    return check_all


@pytest.fixture(scope="session")
def parse_imap():
    return parse
