"""Passwords as they are stored: prepared, so that one typed on another keyboard is the same one.

RFC 4013 §2.5.
"""

from __future__ import annotations

from thurn_kit.scram import saslprep


def prepare(text: str) -> str | None:
    """The prepared form; None where there is none."""
    try:
        return saslprep(text, stored=True) or None
    except ValueError:
        return None
