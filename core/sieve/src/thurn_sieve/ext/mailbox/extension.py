"""The extensions mailbox, mboxmetadata and servermetadata. RFC 5490.

mailbox has the test mailboxexists and the tag `:create`; the other two test annotations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from thurn_sieve.registry import Command, Extension, SideEffect
from thurn_sieve.result import Action
from thurn_sieve.runtime import Args, Runtime


async def _mailboxexists(rt: Runtime, args: Args) -> bool:
    """`mailboxexists` list: all exist, and messages may be put into them. RFC 5490 §3.1."""
    mailboxes = rt.context.mailboxes
    if mailboxes is None:
        return False
    for name in args.texts(0):
        rt.spend(1)
        if not (await mailboxes.exists(name) and await mailboxes.may_write(name)):
            rt.note(f"no mailbox {name} exists that may be written to")
            return False
    return True


def _create(rt: Runtime, action: Action, args: Args | None) -> None:
    """`:create`: a missing mailbox is created before the message is filed. RFC 5490 §3.2."""
    action.create = True  # type: ignore[attr-defined]  # fileinto's action has it


async def _annotation(rt: Runtime, mailbox: str | None, name: str) -> str | None:
    mailboxes = rt.context.mailboxes
    rt.spend(1)
    return None if mailboxes is None else await mailboxes.metadata(mailbox, name)


async def _matches(rt: Runtime, args: Args, value: str | None, keys: Sequence[str]) -> bool:
    # RFC 5490 §3.3: an annotation that does not exist matches nothing.
    answer: Any = args.match.test(rt, () if value is None else (value,), keys)
    return answer if isinstance(answer, bool) else bool(await answer)


async def _metadata(rt: Runtime, args: Args) -> bool:
    value = await _annotation(rt, args.text(0), args.text(1))
    return await _matches(rt, args, value, args.texts(2))


async def _metadataexists(rt: Runtime, args: Args) -> bool:
    for name in args.texts(1):
        if await _annotation(rt, args.text(0), name) is None:
            return False
    return True


async def _servermetadata(rt: Runtime, args: Args) -> bool:
    return await _matches(rt, args, await _annotation(rt, None, args.text(0)), args.texts(1))


async def _servermetadataexists(rt: Runtime, args: Args) -> bool:
    for name in args.texts(0):
        if await _annotation(rt, None, name) is None:
            return False
    return True


def _test(name: str, positional: Sequence[str], run: object) -> Command:
    return Command(name, positional, kind="test", run=run)  # type: ignore[arg-type]


EXTENSIONS: Final = (
    Extension(
        "mailbox",
        commands=(_test("mailboxexists", ("string-list",), _mailboxexists),),
        side_effects=(SideEffect("create", None, ("fileinto",), _create),),
    ),
    Extension(
        "mboxmetadata",
        commands=(
            _test("metadata", ("match", "string", "string", "string-list"), _metadata),
            _test("metadataexists", ("string", "string-list"), _metadataexists),
        ),
    ),
    Extension(
        "servermetadata",
        commands=(
            _test("servermetadata", ("match", "string", "string-list"), _servermetadata),
            _test("servermetadataexists", ("string-list",), _servermetadataexists),
        ),
    ),
)
