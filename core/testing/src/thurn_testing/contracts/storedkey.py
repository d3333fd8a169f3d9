"""The conformance kit of `CredentialVerifier.stored_key` for SCRAM.

The plugin's test fills its source with `SAMPLE` of `account`, with stored keys of its passwords
(`stored_key_text` makes them where the source has no way of its own):

    await check_stored_keys(accounts, "SCRAM-SHA-256")
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final

from thurn.contracts.account import CredentialVerifier, KeyAnswer, StoredKey, StoredKeyQuery

from thurn_testing.contracts.account import ALICE, BOB, CAROL, HOSTILE_NAMES
from thurn_testing.contracts.expectation import CHECK_SECONDS, expect, expect_equal, in_time

SCRAM_HASHES: Final = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}
_TEXT: Final = re.compile(r"(SCRAM-SHA-(?:1|256))\$(\d{1,9}):([^$]+)\$([^:]+):(.+)")


def stored_key_text(scheme: str, password: str, salt: bytes, iterations: int) -> str:
    """What is stored of a password that needs no preparation.

    RFC 5802 §3, RFC 5803 §2.
    """
    name = SCRAM_HASHES[scheme]
    salted = hashlib.pbkdf2_hmac(name, password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", name)
    parts = (
        salt,
        hashlib.new(name, client_key).digest(),
        hmac.digest(salted, b"Server Key", name),
    )
    salt64, stored, server = (base64.b64encode(part).decode("ascii") for part in parts)
    return f"{scheme}${iterations}:{salt64}${stored}:{server}"


async def check_stored_keys(verifier: CredentialVerifier, scheme: str) -> None:
    """The stored keys of `SAMPLE` are of its passwords, in RFC 5803's form, and nobody else's.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    for account in (ALICE, BOB):
        found: list[StoredKey] = []
        for name in (account.name, account.name.upper(), *account.addresses):
            key = await _asked(verifier, name, scheme)
            if not isinstance(key, StoredKey):
                raise AssertionError(f"{name} has a stored key for {scheme}")  # noqa: TRY004
            found.append(key)
        values = {key.value.reveal() for key in found}
        expect_equal(len(values), 1, "an account has one key, whatever name is asked for")
        expect_equal(len({key.account for key in found}), 1, "the key says whose it is")
        text = values.pop()
        match = _TEXT.fullmatch(text)
        if match is None:
            raise AssertionError("a stored key is RFC 5803's text: scheme$i:salt$stored:server")
        expect_equal(match[1], scheme, "the text begins with the scheme that was asked for")
        expect(int(match[2]) >= 4_096, "there are at least 4096 iterations (RFC 7677 §4)")
        salt, iterations = base64.b64decode(match[3], validate=True), int(match[2])
        expect(len(salt) >= 8, "the salt has at least 8 octets")
        expected = stored_key_text(scheme, account.password, salt, iterations)
        expect(hmac.compare_digest(text, expected), "the key is of the account's password")
        expect(text not in repr(found), "a key is a secret")
    for name in (CAROL.name, *HOSTILE_NAMES):
        key = await _asked(verifier, name, scheme)
        is_none = not isinstance(key, StoredKey)
        expect(is_none, f"{name[:40]!r}, not enabled or not there, has no key")


async def _asked(verifier: CredentialVerifier, name: str, scheme: str) -> KeyAnswer:
    with in_time("a stored key is found, or not, in time", CHECK_SECONDS):
        return await verifier.stored_key(StoredKeyQuery(name, scheme))
