"""A client that only reads and writes octets: no opinion about what a server should say.

Strings (quoted or literal) are bytes, atoms and numbers are str, NIL is None, lists are lists. So a
quoted string and a literal of the same octets are the same, and NIL is not "NIL".
"""

from __future__ import annotations

import re
import socket

HOST = "127.0.0.1"
LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")
TOKEN = re.compile(
    rb'"((?:[^"\\]|\\.)*+)"|\{(\d+)\}\r\n|([()])|(\\?[^\s()"{\[]++(?:\[[^\]]*+\](?:<\d+>)?)?)|\s++'
)


def tokens(octets):
    """All values of a response, nested."""
    position, stack, current = 0, [], []
    while position < len(octets):
        match = TOKEN.match(octets, position)
        assert match, octets[position : position + 60]
        position = match.end()
        quoted, size, mark, atom = match.groups()
        if quoted is not None:
            current.append(re.sub(rb"\\(.)", rb"\1", quoted) if b"\\" in quoted else quoted)
        elif size is not None:
            current.append(octets[position : position + int(size)])
            position += int(size)
        elif mark == b"(":
            stack.append(current)
            current = []
        elif mark == b")":
            stack[-1].append(current)
            current = stack.pop()
        elif atom is not None:
            current.append(None if atom.upper() == b"NIL" else atom.decode("latin-1"))
    assert not stack, octets[:200]
    return current


class Imap:
    """One connection."""

    def __init__(self, port, timeout_seconds=30):
        self.socket = socket.create_connection((HOST, port), timeout=timeout_seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = self.socket.makefile("rb", 65536)
        self.greeting = self.response()
        self._tags = 0

    def close(self):
        self._read.close()
        self.socket.close()

    def response(self):
        """One response with its literals, without its last CRLF; b"" at the end."""
        line = self._read.readline()
        while found := LITERAL.search(line):
            line += self._read.read(int(found[1])) + self._read.readline()
        return line.removesuffix(b"\r\n")

    def send(self, octets):
        self.socket.sendall(octets)

    def tag(self):
        self._tags += 1
        return b"t%d" % self._tags

    def until(self, tag):
        """The untagged responses until this tag, and the tagged one without the tag."""
        untagged = []
        while True:
            octets = self.response()
            if octets.startswith(tag + b" "):
                return untagged, octets[len(tag) + 1 :]
            assert octets, (tag, untagged[-3:])
            untagged.append(octets)

    def call(self, command):
        """A command; (untagged responses, tagged answer)."""
        tag = self.tag()
        self.send(tag + b" " + command + b"\r\n")
        return self.until(tag)

    def good(self, command):
        """A command that has to succeed."""
        untagged, answer = self.call(command)
        assert answer.startswith(b"OK"), (command[:200], answer)
        return untagged

    def append(self, mailbox, octets, flags="", received=""):
        """APPEND with a synchronising literal."""
        words = (
            f"APPEND {mailbox} "
            + (f"({flags}) " if flags else "")
            + (received and f'"{received}" ')
        )
        tag = self.tag()
        self.send(tag + b" " + words.encode() + b"{%d}\r\n" % len(octets))
        going = self.response()
        assert going.startswith(b"+"), going
        self.send(octets + b"\r\n")
        return self.until(tag)


def fetched(responses):
    """FETCH responses as {number: {item: value}}."""
    found = {}
    for octets in responses:
        values = tokens(octets)
        if len(values) > 3 and values[2] == "FETCH":
            items = values[3]
            entry = found.setdefault(int(values[1]), {})
            entry.update(zip(map(str.upper, items[::2]), items[1::2], strict=True))
    return found
