"""The client's two messages, read strictly: a message of another form is `Malformed`.

    client-first-message = gs2-header client-first-message-bare
    gs2-header           = gs2-cbind-flag "," [ "a=" saslname ] ","
    gs2-cbind-flag       = ("p=" cb-name) / "n" / "y"
    client-first-message-bare = [reserved-mext ","] "n=" saslname "," "r=" c-nonce
                                ["," extensions]
    client-final-message = "c=" base64 "," "r=" nonce ["," extensions] "," "p=" base64
    saslname             = 1*(value-safe-char / "=2C" / "=3D")
    extensions           = attr-val *("," attr-val) ; attr-val = ALPHA "=" value

Rules of this file: it knows no keys. Text is UTF-8 without control characters. Mandatory extensions
("m") are refused, since none is known (RFC 5802 §5.1); optional ones are ignored.

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
"""Length of a client's message in octets; enough for two escaped names of 1,024 characters and a
nonce."""
ATTRIBUTES: Final = 32
"""Attributes in a message; without extensions there are at most four."""
NONCE_OCTETS: Final = 1_024
"""Length of a client's nonce in octets; common ones have 20 to 40."""

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
        thinks_unsupported: whether the client can bind and believes that the server cannot ("y").
        name: the login name, prepared.
        authzid: the authorization identity, prepared; "" without one.
        nonce: the client's nonce.
        gs2_header: the header as received; the final message repeats it.
        bare: the rest as received; a part of the signed octets.
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
        nonce: the client's and the server's nonce, joined.
        proof: the client's proof, decoded.
        without_proof: the message as received, without the proof; a part of the signed octets.
    """

    binding: bytes
    nonce: str
    proof: bytes
    without_proof: bytes


def parse_first(message: bytes) -> ClientFirst:
    """The client's first message.

    Raises:
        Malformed: the octets are not a first message.
    """
    text = _text(message)
    parts = text.split(",", ATTRIBUTES)
    if len(parts) < 4 or len(parts) > ATTRIBUTES:
        raise Malformed("the message is not a first message")
    flag, authzid, name, nonce, *extensions = parts
    if _FLAG.fullmatch(flag) is None:
        raise Malformed("the channel binding flag is wrong")
    if name.startswith("m="):
        # RFC 5802 §5.1: the server MUST fail when it does not know a mandatory extension.
        raise Malformed("a mandatory extension is not known")
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
    """The client's final message.

    Raises:
        Malformed: the octets are not a final message.
    """
    text = _text(message)
    parts = text.split(",", ATTRIBUTES)
    if len(parts) < 3 or len(parts) > ATTRIBUTES:
        raise Malformed("the message is not a final message")
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
        raise Malformed("the message is too long")
    try:
        text = message.decode()
    except UnicodeDecodeError as error:
        raise Malformed("the message is not UTF-8") from error
    if _CONTROL.search(text) is not None:
        raise Malformed("the message has control characters")
    return text


def _value(attribute: str, prefix: str) -> str:
    if not attribute.startswith(prefix) or len(attribute) == len(prefix):
        raise Malformed(f"the attribute {prefix[0]} is missing")
    return attribute[len(prefix) :]


def _saslname(attribute: str, prefix: str) -> str:
    value = _value(attribute, prefix)
    if _BAD_ESCAPE.search(value) is not None:
        # RFC 5802 §5.1: "=" not followed by 2C or 3D MUST fail.
        raise Malformed("a name has a wrong escape")
    try:
        name = saslprep(value.replace("=2C", ",").replace("=3D", "="))
    except ValueError as error:
        raise Malformed(f"a name cannot be prepared: {error}") from error
    if not name:
        # RFC 5802 §5.1: a name that is empty once prepared SHOULD fail.
        raise Malformed("a name is empty")
    return name


def _nonce(attribute: str) -> str:
    value = _value(attribute, "r=")
    if len(value) > 2 * NONCE_OCTETS or _NONCE.fullmatch(value) is None:
        raise Malformed("the nonce is malformed")
    return value


def _base64(attribute: str, prefix: str) -> bytes:
    value = _value(attribute, prefix)
    try:
        octets = b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"the attribute {prefix[0]} is not base64") from error
    if b64encode(octets).decode("ascii") != value:
        raise Malformed(f"the attribute {prefix[0]} is not base64")  # only one spelling is valid
    return octets


def _check_extensions(extensions: list[str]) -> None:
    if any(_EXTENSION.fullmatch(extension) is None for extension in extensions):
        raise Malformed("an extension is malformed")
