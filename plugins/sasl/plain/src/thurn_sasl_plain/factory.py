"""The plugins `sasl.plain` and `sasl.login`, which get the name and the password as they are.

Rules of this file: a message that breaks the grammar is malformed (501), never "wrong password".
Names and passwords are UTF-8 without control characters, and bounded (`thurn.plugin.sasl`). The
gate offers neither mechanism without encryption.
"""

from __future__ import annotations

from thurn.plugin import sasl, sasl_mechanism
from thurn.plugin.sasl import SaslExchange


@sasl_mechanism("PLAIN", plaintext=True)
def plain() -> SaslExchange:
    """One message: `[authzid] NUL authcid NUL passwd`. RFC 4616 §2."""
    message = yield from sasl.receive()
    parts = message.split(b"\0", 3)
    # There must be exactly two NUL: the grammar's parts have no NUL.
    if len(parts) != 3:
        raise sasl.Malformed("the message is not authzid NUL authcid NUL passwd")
    authzid, authcid, password = parts
    acting_as = sasl.text(authzid) if authzid else ""
    return (yield from sasl.verify(sasl.text(authcid), password, acting_as))


@sasl_mechanism("LOGIN", plaintext=True)
def login() -> SaslExchange:
    """Two prompts; an initial response answers the first one. draft-murchison-sasl-login-00."""
    name = yield from sasl.receive(b"Username:")
    password = yield from sasl.receive(b"Password:")
    return (yield from sasl.verify(sasl.text(name), password))
