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
MAX_NAME: Final = 1_024
"""Characters of a mailbox's name; stores allow fewer, none allows more."""


def check_mailbox(name: str) -> str | None:
    """What is wrong with a mailbox's name, or None. RFC 5198 §2; the store may refuse more."""
    if not name or len(name) > MAX_NAME:
        return "the name of a mailbox is empty or too long"
    if _CONTROL.search(name) is not None:
        return "control character in the name of a mailbox"
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
