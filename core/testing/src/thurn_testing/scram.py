"""SCRAM from the client's side, and what an account stores for it: for tests of mechanisms and of
whole servers. Written from the RFC, apart from the plugin.

    client = ScramClient("SCRAM-SHA-256", "alice", "secret")
    final = client.final(server_first=b"r=…")
    assert client.is_server(server_final=b"v=…")

Rules: passwords and names are in their prepared form already (SASLprep); nothing is checked that a
test would rather see fail.

RFC 5802 §3, RFC 5803.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from typing import Final

HASHES: Final = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}


def salted_password(scheme: str, password: str, salt: bytes, iterations: int) -> bytes:
    """Hi(password, salt, i): the salted password. RFC 5802 §2.2."""
    return hashlib.pbkdf2_hmac(HASHES[scheme], password.encode(), salt, iterations)


def stored_text(
    scheme: str, password: str, *, salt: bytes = b"salt of the test", iterations: int = 4096
) -> str:
    """The text that an account stores of a password. RFC 5803 §2."""
    name = HASHES[scheme]
    salted = salted_password(scheme, password, salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", name)
    server_key = hmac.digest(salted, b"Server Key", name)
    stored_key = hashlib.new(name, client_key).digest()
    keys = f"{_base64(stored_key)}:{_base64(server_key)}"
    return f"{scheme}${iterations}:{_base64(salt)}${keys}"


class ScramClient:
    """One exchange.

    Args:
        mechanism: with "-PLUS" or without.
        name: who logs in.
        password: its password.
        authzid: whom to act as.
        nonce: the client's part.
        flag: the GS2 flag; by default what the mechanism asks for.
        binding: the channel binding's data, with -PLUS.
    """

    def __init__(  # noqa: PLR0913 - what a client may vary
        self,
        mechanism: str,
        name: str,
        password: str,
        *,
        authzid: str = "",
        nonce: str = "fyko+d2lbbFgONRv9qkxdawL",
        flag: str | None = None,
        binding: bytes = b"",
    ) -> None:
        self.scheme = mechanism.removesuffix("-PLUS")
        plus = mechanism.endswith("-PLUS")
        chosen = flag or ("p=tls-server-end-point" if plus else "n")
        acting = f"a={_escaped(authzid)}" if authzid else ""
        self.gs2_header = f"{chosen},{acting},".encode()
        self.bare = f"n={_escaped(name)},r={nonce}".encode()
        self.binding = binding
        self.nonce = nonce
        self._password = password
        self._expected = b""

    @property
    def first(self) -> bytes:
        """The first message."""
        return self.gs2_header + self.bare

    def final(self, server_first: bytes) -> bytes:
        """The final message, from the server's challenge."""
        nonce, salt, iterations = (part[2:] for part in server_first.decode().split(",")[:3])
        name = HASHES[self.scheme]
        salted = salted_password(self.scheme, self._password, b64decode(salt), int(iterations))
        without_proof = f"c={_base64(self.gs2_header + self.binding)},r={nonce}".encode()
        signed = b",".join((self.bare, server_first, without_proof))
        client_key = hmac.digest(salted, b"Client Key", name)
        signature = hmac.digest(hashlib.new(name, client_key).digest(), signed, name)
        proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
        server_key = hmac.digest(salted, b"Server Key", name)
        self._expected = b"v=" + _base64(hmac.digest(server_key, signed, name)).encode()
        return without_proof + b",p=" + _base64(proof).encode()

    def is_server(self, server_final: bytes) -> bool:
        """Whether the server knows the account: its final message is right."""
        return bool(self._expected) and server_final == self._expected


def _escaped(name: str) -> str:
    return name.replace("=", "=3D").replace(",", "=2C")


def _base64(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")
