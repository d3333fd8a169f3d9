"""The test `body`. RFC 5173."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Final

from thurn_sieve.ext.body.transform import content_bodies, raw_body, text_bodies
from thurn_sieve.registry import Command, Extension
from thurn_sieve.runtime import Args, Runtime

_KEY: Final = "body"
"""Key in `Context.locals` for the view of a message and the texts made of it."""
DECODED_CHARACTERS_PER_STEP: Final = 512
"""Characters of the body that are decoded for one step."""


def _body(rt: Runtime, args: Args) -> bool | Awaitable[bool]:
    """`body` [":raw" / ":content" string-list / ":text"] key-list."""
    before = rt.match_values
    answer: Any = args.match.test(rt, _texts(rt, args), args.texts(0))
    if not isinstance(answer, bool):
        return _restored(rt, answer, before)
    # RFC 5173 §6: wildcards of body tests do not set match variables.
    rt.match_values = before
    return answer


async def _restored(rt: Runtime, answer: Awaitable[bool], before: Sequence[str]) -> bool:
    matched = await answer
    rt.match_values = before
    return matched


def _texts(rt: Runtime, args: Args) -> Sequence[str]:
    """The texts to compare; they are made once for a message and each kind of test."""
    texts_by_kind: dict[Any, Sequence[str]]
    view, texts_by_kind = rt.context.locals.get(_KEY, (None, {}))
    if view is not rt.view:
        view, texts_by_kind = rt.view, {}
        rt.context.locals[_KEY] = view, texts_by_kind
    types = tuple(args.texts("content")) if args.has("content") else None
    key = "raw" if args.has("raw") else types
    if key not in texts_by_kind:
        if key == "raw":
            texts = raw_body(view.scan)
        elif types is None:
            texts = list(text_bodies(view.scan, rt.spend))
        else:
            texts = list(content_bodies(view.scan, types, rt.spend))
        rt.spend(sum(map(len, texts)) // DECODED_CHARACTERS_PER_STEP)
        texts_by_kind[key] = texts
    return texts_by_kind[key]


EXTENSIONS: Final = (
    Extension(
        "body",
        commands=(
            Command(
                "body",
                ("match", "string-list"),
                {"raw": None, "content": "string-list", "text": None},
                kind="test",
                run=_body,
                exclusive=(("raw", "content", "text"),),
            ),
        ),
    ),
)
