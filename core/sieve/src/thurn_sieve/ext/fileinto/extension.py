"""`fileinto`: the name of the mailbox is taken literally. RFC 5228 §4.1."""

from __future__ import annotations

import re
from typing import Final

from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.registry import Command, Extension
from thurn_sieve.result import Store
from thurn_sieve.runtime import Args, Runtime
from thurn_sieve.syntax import Call

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
MAX_NAME_CHARACTERS: Final = 1_024
"""Characters of a mailbox's name; stores do not allow more, and most allow fewer."""


def check_mailbox(name: str) -> str | None:
    """The fault of a mailbox's name, or None. The store may refuse more names. RFC 5198 §2."""
    if not name:
        return "the name of the mailbox is empty"
    if len(name) > MAX_NAME_CHARACTERS:
        return f"the name of the mailbox has more than {MAX_NAME_CHARACTERS} characters"
    if _CONTROL.search(name) is not None:
        return "there is a control character in the name of the mailbox"
    return None


def _fileinto(rt: Runtime, args: Args) -> None:
    name = args.text(0)
    complaint = check_mailbox(name)
    if complaint is not None:
        rt.error(complaint, "invalid-mailbox")
    rt.act(Store(mailbox=name), args)


def _validate(call: Call, diag: Diagnostics) -> None:
    for text in call.literals(0):
        complaint = check_mailbox(text.value)
        if complaint is not None:
            diag.error(complaint, text, "invalid-mailbox")


EXTENSION: Final = Extension(
    "fileinto", commands=(Command("fileinto", ("string",), run=_fileinto, validate=_validate),)
)
