"""The client's two messages, read to the letter: whatever else comes is `Malformed`.

    client-first-message = gs2-header client-first-message-bare
    gs2-header           = gs2-cbind-flag "," [ "a=" saslname ] ","
    gs2-cbind-flag       = ("p=" cb-name) / "n" / "y"
    client-first-message-bare = [reserved-mext ","] "n=" saslname "," "r=" c-nonce
                                ["," extensions]
    client-final-message = "c=" base64 "," "r=" nonce ["," extensions] "," "p=" base64
    saslname             = 1*(value-safe-char / "=2C" / "=3D")
    extensions           = attr-val *("," attr-val) ; attr-val = ALPHA "=" value

Rules of this file: it knows no key; text is UTF-8 without controls; a mandatory extension is
refused, as none is known (RFC 5802 §5.1, "m"), optional ones are passed over.

RFC 5802 §7.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Final

from thurn.plugin.sasl import Malformed
from thurn_kit.scram import saslprep

MESSAGE_OCTETS: Final = 8_192
"""A client's message at most: two names of 1,024 characters, escaped, and a nonce."""
ATTRIBUTES: Final = 32
"""In a message at most; without extensions there are five."""
NONCE_OCTETS: Final = 1_024
"""A client's nonce at most; common ones have 20 to 40."""

_FLAG: Final = re.compile(r"n|y|p=[A-Za-z0-9.-]{1,64}")
_NONCE: Final = re.compile(r"[!-+\--~]+")  # printable = %x21-2B / %x2D-7E
_EXTENSION: Final = re.compile(r"[A-Za-z]=.+")
_BAD_ESCAPE: Final = re.compile(r"=(?!2C|3D)")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """The client's first message.

    Attributes:
        binding: the channel binding type that the client uses; "" for none.
        thinks_unsupported: the client can bind and thinks that we cannot ("y").
        name: prepared.
        authzid: "" without one.
        gs2_header: as it came; the final message repeats it.
        bare: as it came; part of what is signed.
    """

    binding: str
    thinks_unsupported: bool
    name: str
    authzid: str
    nonce: str
    gs2_header: bytes
    bare: bytes


@dataclass(frozen=True, slots=True)
class ClientFinal:
    """The client's final message.

    Attributes:
        binding: the GS2 header and the channel binding's data, decoded.
        without_proof: as it came; part of what is signed.
    """

    binding: bytes
    nonce: str
    proof: bytes
    without_proof: bytes


def parse_first(message: bytes) -> ClientFirst:
    """The first message.

    Raises:
        Malformed: it is none.
    """
    text = _text(message)
    parts = text.split(",", ATTRIBUTES)
    if len(parts) < 4 or len(parts) > ATTRIBUTES:
        raise Malformed("not a first message")
    flag, authzid, name, nonce, *extensions = parts
    if _FLAG.fullmatch(flag) is None:
        raise Malformed("no channel binding flag")
    if name.startswith("m="):
        # RFC 5802 §5.1: the server MUST fail when it does not know a mandatory extension.
        raise Malformed("mandatory extension")
    _check_extensions(extensions)
    return ClientFirst(
        binding=flag.removeprefix("p=") if flag.startswith("p=") else "",
        thinks_unsupported=flag == "y",
        name=_saslname(name, "n="),
        authzid=_saslname(authzid, "a=") if authzid else "",
        nonce=_nonce(nonce),
        gs2_header=f"{flag},{authzid},".encode(),
        bare=message[len(f"{flag},{authzid},".encode()) :],
    )


def parse_final(message: bytes) -> ClientFinal:
    """The final message.

    Raises:
        Malformed: it is none.
    """
    text = _text(message)
    parts = text.split(",", ATTRIBUTES)
    if len(parts) < 3 or len(parts) > ATTRIBUTES:
        raise Malformed("not a final message")
    binding, nonce, *extensions, proof = parts
    _check_extensions(extensions)
    return ClientFinal(
        binding=_base64(binding, "c="),
        nonce=_nonce(nonce),
        proof=_base64(proof, "p="),
        without_proof=message[: len(message) - len(proof) - 1],
    )


def _text(message: bytes) -> str:
    if len(message) > MESSAGE_OCTETS:
        raise Malformed("too long")
    try:
        text = message.decode()
    except UnicodeDecodeError as error:
        raise Malformed("not UTF-8") from error
    if _CONTROL.search(text) is not None:
        raise Malformed("control characters")
    return text


def _value(attribute: str, prefix: str) -> str:
    if not attribute.startswith(prefix) or len(attribute) == len(prefix):
        raise Malformed(f"no {prefix[0]} attribute")
    return attribute[len(prefix) :]


def _saslname(attribute: str, prefix: str) -> str:
    value = _value(attribute, prefix)
    if _BAD_ESCAPE.search(value) is not None:
        # RFC 5802 §5.1: "=" not followed by 2C or 3D MUST fail.
        raise Malformed("bad escape in a name")
    try:
        name = saslprep(value.replace("=2C", ",").replace("=3D", "="))
    except ValueError as error:
        raise Malformed(f"name: {error}") from error
    if not name:
        # RFC 5802 §5.1: a name that is empty once prepared SHOULD fail.
        raise Malformed("empty name")
    return name


def _nonce(attribute: str) -> str:
    value = _value(attribute, "r=")
    if len(value) > 2 * NONCE_OCTETS or _NONCE.fullmatch(value) is None:
        raise Malformed("not a nonce")
    return value


def _base64(attribute: str, prefix: str) -> bytes:
    value = _value(attribute, prefix)
    try:
        octets = b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("not base64") from error
    if b64encode(octets).decode("ascii") != value:
        raise Malformed("not base64")  # one spelling only
    return octets


def _check_extensions(extensions: list[str]) -> None:
    if any(_EXTENSION.fullmatch(extension) is None for extension in extensions):
        raise Malformed("malformed extension")
