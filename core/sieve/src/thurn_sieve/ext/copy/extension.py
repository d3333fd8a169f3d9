"""`:copy` on fileinto and redirect: the implicit keep stays. RFC 3894 §3."""

from __future__ import annotations

from typing import Final

from thurn_sieve.registry import Extension, SideEffect
from thurn_sieve.result import Action, Redirect, Store
from thurn_sieve.runtime import Args, Runtime


def _copy(rt: Runtime, action: Action, args: Args | None) -> None:
    if isinstance(action, Store | Redirect):
        action.copy = True


EXTENSION: Final = Extension(
    "copy", side_effects=(SideEffect("copy", None, ("fileinto", "redirect"), _copy),)
)
