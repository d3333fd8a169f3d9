"""Logins by every mechanism, from any loopback address, without a library's opinion.

Rules of this file: a login is "yes", "no" (wrong, or not allowed) or "later" (a temporary refusal).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import re
import secrets
import socket

from clients import HOST, unverified

TIMEOUT_SECONDS = 30
ANSWERS = {
    "imap": ((b"OK", "yes"), (b"NO [UNAVAILABLE]", "later"), (b"NO", "no")),
    "pop3": ((b"+OK", "yes"), (b"-ERR [SYS/TEMP]", "later"), (b"-ERR", "no")),
    "submission": ((b"235", "yes"), (b"4", "later"), (b"5", "no")),
}


def encoded(octets):
    return base64.b64encode(octets).decode()


class Scram:
    """The client's side of SCRAM without channel binding. RFC 5802 §3."""

    def __init__(self, mechanism, name, password):
        self.digest = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}[mechanism]
        self.password = password.encode()
        self.bare = f"n={name},r={secrets.token_urlsafe(18)}"
        self.salt = self.signature = None

    def first(self):
        return f"n,,{self.bare}".encode()

    def final(self, challenge):
        given = dict(part.split("=", 1) for part in challenge.decode().split(","))
        self.salt = given["s"]
        salted = hashlib.pbkdf2_hmac(
            self.digest, self.password, base64.b64decode(given["s"]), int(given["i"])
        )
        key = hmac.digest(salted, b"Client Key", self.digest)
        stored = hashlib.new(self.digest, key).digest()
        without_proof = f"c=biws,r={given['r']}"
        signed = ",".join([self.bare, challenge.decode(), without_proof]).encode()
        proof = bytes(
            a ^ b for a, b in zip(key, hmac.digest(stored, signed, self.digest), strict=True)
        )
        server = hmac.digest(salted, b"Server Key", self.digest)
        self.signature = hmac.digest(server, signed, self.digest)
        return f"{without_proof},p={encoded(proof)}".encode()

    def check(self, verdict):
        assert verdict.startswith(b"v="), verdict
        assert base64.b64decode(verdict[2:]) == self.signature, "the server knows no key"


class Line:
    """A connection that speaks lines."""

    def __init__(self, port, source=HOST):
        self.socket = socket.create_connection((HOST, port), TIMEOUT_SECONDS, (source, 0))
        self._read = self.socket.makefile("rb")
        self.greeting = self.line()

    def close(self):
        self._read.close()
        self.socket.close()

    def encrypt(self):
        self._read.close()
        self.socket = unverified().wrap_socket(self.socket)
        self._read = self.socket.makefile("rb")

    def line(self):
        return self._read.readline().removesuffix(b"\r\n")

    def say(self, text):
        self.socket.sendall(text.encode() + b"\r\n")
        return self.line()

    def reply(self, text):
        """An SMTP reply's last line."""
        line = self.say(text)
        while line[3:4] == b"-":
            line = self.line()
        return line


def verdict_of(listener, line):
    line = line.removeprefix(b"a ")
    return next(word for start, word in ANSWERS[listener] if line.startswith(start))


def log_in(site, attempt, source=HOST):
    """The verdict on a login: (listener, mechanism, name, password, acting as)."""
    listener, mechanism, name, password, acting_as = attempt
    with contextlib.closing(Line(site.port(listener), source)) as line:
        if listener == "submission":
            upgrade(line)
        if mechanism == "PASS":
            line.say(f"USER {name}")
            return verdict_of(listener, line.say(f"PASS {password}"))
        if mechanism.startswith("SCRAM-"):
            scram = Scram(mechanism, name, password)
            answer = converse(listener, line, mechanism, scram.first(), scram.final, scram.check)
        else:
            plain = f"{acting_as or ''}\0{name}\0{password}".encode()
            answer = converse(listener, line, mechanism, plain)
        return verdict_of(listener, answer)


def upgrade(line):
    """Go on with SMTP over TLS."""
    line.reply("EHLO client.example.net")
    assert line.reply("STARTTLS").startswith(b"220")
    line.encrypt()
    line.reply("EHLO client.example.net")


def converse(listener, line, mechanism, initial, *steps):
    """An exchange: what the server said last, without its challenges."""
    verb = {"imap": "a AUTHENTICATE", "pop3": "AUTH", "submission": "AUTH"}[listener]
    answer = line.say(f"{verb} {mechanism} {encoded(initial)}")
    for step in steps:
        challenge = re.fullmatch(rb"(?:\+|334) (.*)", answer)
        if challenge is None:
            return answer
        answer = line.say(encoded(step(base64.b64decode(challenge[1])) or b""))
    return answer


def salt_of(site, name):
    """The salt that SCRAM shows for a name, whether or not an account has it."""
    with contextlib.closing(Line(site.port("imap"))) as line:
        scram = Scram("SCRAM-SHA-256", name, "")
        answer = line.say(f"a AUTHENTICATE SCRAM-SHA-256 {encoded(scram.first())}")
        scram.final(base64.b64decode(answer.removeprefix(b"+ ")))
        line.say("*")
    return scram.salt


def may_relay(port, source, sender, recipient):
    """Whether a relay rule permits it: what is refused for good is 550."""
    with contextlib.closing(Line(port, source)) as line:
        line.reply("EHLO client.example.net")
        assert line.reply(f"MAIL FROM:<{sender}>").startswith(b"250")
        answer = line.reply(f"RCPT TO:<{recipient}>")
        assert answer[:3] in {b"250", b"450", b"451", b"550"}, answer
        return not answer.startswith(b"550")
