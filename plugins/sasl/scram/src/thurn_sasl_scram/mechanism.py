"""The dialogue of SCRAM, server side.

    C: gs2-header n=name,r=c-nonce
    S: r=nonce,s=salt,i=iterations
    C: c=channel-binding,r=nonce,p=ClientProof
    S: v=ServerSignature          (goes out with the success)

Rules of this file:
1. The form of a message is checked before the proof, so that "malformed" says nothing about a
   password.
2. An unknown name goes through the same steps with a fake key, and fails as a wrong password does.
3. Comparisons take constant time. The stored key is read again at the end: the client may wait long
   between its messages, and meanwhile the account may be locked or its password changed.
4. Without -PLUS, a client that believes the server cannot bind ("y") although -PLUS is offered has
   been attacked, and fails. With -PLUS, the binding type must be `END_POINT` and the data must be
   those of the connection.

RFC 5802 §3, §5, §6; RFC 7677.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64encode
from collections.abc import Callable
from typing import Final

from thurn.plugin import (
    SaslConditions,
    SaslExchange,
    SaslFailure,
    SaslSuccess,
    StoredKey,
    Verified,
    sasl,
)

from thurn_sasl_scram.message import (
    NONCE_OCTETS,
    ClientFinal,
    ClientFirst,
    parse_final,
    parse_first,
)
from thurn_sasl_scram.storedkey import HASHES, Faker, Keys, read_stored

END_POINT: Final = "tls-server-end-point"
"""The only channel binding type that Python's ssl gives a server under TLS 1.2 and 1.3. RFC 5929
§4."""
NONCE_RANDOM_OCTETS: Final = 24
"""Random octets of the server's part of a nonce: nobody can guess it, and it never repeats."""
PLUS: Final = "-PLUS"
"""The end of the name of a mechanism that binds to the channel."""


def make_nonce() -> str:
    """A random server's part of a nonce."""
    return b64encode(secrets.token_bytes(NONCE_RANDOM_OCTETS)).decode("ascii")


class ScramMechanism:
    """One mechanism that is offered.

    Args:
        mechanism: its name; a name with "-PLUS" binds to the channel.
        faker: makes the keys for unknown names.
        plus_offered: whether the -PLUS variant of the same hash is offered if the channel can be
            bound.
        make_nonce: makes the server's part of a nonce.
    """

    plaintext = False

    def __init__(
        self,
        mechanism: str,
        faker: Faker,
        *,
        plus_offered: bool,
        make_nonce: Callable[[], str] = make_nonce,
    ) -> None:
        self.mechanism = mechanism
        self.scheme = mechanism.removesuffix(PLUS)
        self.channel_binding = END_POINT if mechanism.endswith(PLUS) else ""
        self._hash = HASHES[self.scheme]
        self._faker = faker
        self._plus_offered = plus_offered
        self._make_nonce = make_nonce

    def begin(self, conditions: SaslConditions) -> SaslExchange:
        """A new exchange; malformed messages end it."""
        try:
            return (yield from self._exchange(conditions))
        except sasl.Malformed as error:
            return SaslFailure(str(error), malformed=True)

    def _exchange(self, conditions: SaslConditions) -> SaslExchange:
        first = parse_first((yield from sasl.receive()))
        failure = self._binding_failure(first, conditions)
        if failure is not None:
            return failure
        _check_lengths(first)
        stored = yield from sasl.stored_key(first.name, self.scheme)
        fake = self._faker.keys(
            first.name, self.scheme
        )  # made in any case, so that the time is equal
        keys = fake if stored is None else read_stored(stored, self.scheme)

        nonce = first.nonce + self._make_nonce()
        salt = b64encode(keys.salt).decode("ascii")
        server_first = f"r={nonce},s={salt},i={keys.iterations}".encode()
        final = parse_final((yield from sasl.receive(server_first)))
        # RFC 5802 §5.1: the nonce MUST be the same.
        if final.nonce != nonce:
            raise sasl.Malformed("the final message has another nonce")
        if len(final.proof) != len(keys.stored_key):
            raise sasl.Malformed("the proof has a wrong length")

        signed = b",".join((first.bare, server_first, final.without_proof))
        proved = self._proved(keys, final, signed)
        if not hmac.compare_digest(final.binding, self._expected_binding(first, conditions)):
            return SaslFailure("channel_binding.mismatch")
        stored_now = yield from sasl.stored_key(first.name, self.scheme)
        if not proved or stored is None or not _same(stored, stored_now):
            return SaslFailure("credentials")
        signature = b64encode(hmac.digest(keys.server_key, signed, self._hash))
        verdict = Verified(stored.account)
        return SaslSuccess(first.name, first.authzid, data=b"v=" + signature, verdict=verdict)

    def _binding_failure(
        self, first: ClientFirst, conditions: SaslConditions
    ) -> SaslFailure | None:
        if self.channel_binding:
            # RFC 5802 §6: -PLUS was chosen, so the flag MUST be "p".
            if not first.binding:
                raise sasl.Malformed("a -PLUS mechanism is used without channel binding")
            if first.binding != self.channel_binding:
                raise sasl.Malformed("the channel binding type is unknown")
            return None
        if first.binding:
            raise sasl.Malformed("a mechanism without -PLUS is used with channel binding")
        if first.thinks_unsupported and self._plus_offered and self._can_bind(conditions):
            # RFC 5802 §6: somebody has removed -PLUS from the server's list; the server MUST fail.
            return SaslFailure("channel_binding.downgrade")
        return None

    @staticmethod
    def _can_bind(conditions: SaslConditions) -> bool:
        return END_POINT in conditions.channel_bindings

    def _expected_binding(self, first: ClientFirst, conditions: SaslConditions) -> bytes:
        bound = conditions.channel_bindings.get(END_POINT, b"") if self.channel_binding else b""
        return first.gs2_header + bound

    def _proved(self, keys: Keys, final: ClientFinal, signed: bytes) -> bool:
        """Whether H(ClientProof XOR ClientSignature) is the stored key. RFC 5802 §3."""
        signature = hmac.digest(keys.stored_key, signed, self._hash)
        pairs = zip(final.proof, signature, strict=True)
        client_key = bytes(proof ^ octet for proof, octet in pairs)
        stored_key = hashlib.new(self._hash, client_key).digest()
        return hmac.compare_digest(stored_key, keys.stored_key) and keys.real


def _same(before: StoredKey, now: StoredKey | None) -> bool:
    """Whether the stored key is still the same, of the same account; takes constant time."""
    if now is None or now.account != before.account:
        return False
    return hmac.compare_digest(now.value.reveal().encode(), before.value.reveal().encode())


def _check_lengths(first: ClientFirst) -> None:
    """Check names by the bounds of all mechanisms, and the length of the nonce."""
    sasl.text(first.name.encode())
    if first.authzid:
        sasl.text(first.authzid.encode())
    if len(first.nonce) > NONCE_OCTETS:
        raise sasl.Malformed("the nonce is too long")
