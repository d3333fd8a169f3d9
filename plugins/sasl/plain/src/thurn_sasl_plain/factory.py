"""The plugins `sasl.plain` and `sasl.login`: name and password as they are.

Rules: the grammar is kept to the letter, whatever breaks it is malformed (501), never "wrong
password"; names and passwords are UTF-8 without controls, and bounded (`thurn.plugin.sasl`).
Without encryption the gate does not offer either of them.
"""

from __future__ import annotations

from thurn.plugin import sasl, sasl_mechanism
from thurn.plugin.sasl import SaslExchange


@sasl_mechanism("PLAIN", plaintext=True)
def plain() -> SaslExchange:
    """One message: `[authzid] NUL authcid NUL passwd`. RFC 4616 §2."""
    message = yield from sasl.receive()
    parts = message.split(b"\0", 3)
    # Exactly two NUL: SAFE, of which all three parts are made, has none.
    if len(parts) != 3:
        raise sasl.Malformed("not authzid NUL authcid NUL passwd")
    authzid, authcid, password = parts
    acting_as = sasl.text(authzid) if authzid else ""
    return (yield from sasl.verify(sasl.text(authcid), password, acting_as))


@sasl_mechanism("LOGIN", plaintext=True)
def login() -> SaslExchange:
    """Two prompts; an initial response is the name. draft-murchison-sasl-login-00."""
    name = yield from sasl.receive(b"Username:")
    password = yield from sasl.receive(b"Password:")
    return (yield from sasl.verify(sasl.text(name), password))
