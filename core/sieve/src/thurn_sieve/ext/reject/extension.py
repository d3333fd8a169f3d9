"""The extensions `reject` and `ereject`; they differ only in their report. RFC 5429."""

from __future__ import annotations

from typing import Final

from thurn_sieve.ext.reject.report import delivery_report, disposition_report
from thurn_sieve.registry import Command, Extension
from thurn_sieve.result import EReject, Reject
from thurn_sieve.runtime import Args, Runtime


def _reject(rt: Runtime, args: Args) -> None:
    rt.act(Reject(reason=args.text(0), report=disposition_report), args)


def _ereject(rt: Runtime, args: Args) -> None:
    rt.act(EReject(reason=args.text(0), report=delivery_report), args)


REJECT: Final = Extension("reject", commands=(Command("reject", ("string",), run=_reject),))
EREJECT: Final = Extension("ereject", commands=(Command("ereject", ("string",), run=_ereject),))
