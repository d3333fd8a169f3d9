"""The prepared form in which passwords are stored, so that the keyboard makes no difference.

RFC 4013 §2.5.
"""

from __future__ import annotations

from thurn_kit.scram import saslprep


def prepare(text: str) -> str | None:
    """The SASLprep form of a password; None if it has none."""
    try:
        return saslprep(text, stored=True) or None
    except ValueError:
        return None
