"""Reads the signature of a plugin function once, when it is decorated.

Rules: parameters are found by name; `config:` carries the settings model in its annotation;
`context:` is optional; anything else must be among the names that the role offers. What is wrong
is a PluginError with file and line, at import, never at the first message.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from thurn.contracts.settings import NoSettings, Settings
from thurn.hooks.source import source_of
from thurn.types.errors import PluginError

CONSTANT = ("config", "context")


@dataclass(frozen=True, slots=True)
class Shape:
    """What the decorators need to know of a function.

    Attributes:
        settings: the model of its section.
        constants: which of `config` and `context` it takes.
        variables: the other parameters, in order.
        source: file:line of its code.
    """

    settings: type[Settings]
    constants: tuple[str, ...]
    variables: tuple[str, ...]
    source: str


def read_shape(
    function: Callable[..., Any],
    role: str,
    offered: Collection[str],
    names: dict[str, Any] | None = None,
) -> Shape:
    """The shape of a function.

    Args:
        function: the plugin.
        role: for messages.
        offered: names of the variable parameters that the role passes.
        names: the caller's local names, for annotations of locally defined models.

    Raises:
        PluginError: wrong parameter, missing or wrong annotation of `config`.
    """
    source = source_of(function)
    settings: type[Settings] = NoSettings
    constants: list[str] = []
    variables: list[str] = []
    for name, parameter in read_parameters(function, source, names).items():
        if name == "config":
            settings = model_of(parameter, source)
        if name in CONSTANT:
            constants.append(name)
        elif name in offered:
            variables.append(name)
        else:
            choice = ", ".join([*offered, *CONSTANT])
            raise PluginError(
                f"{source}: a {role} has no parameter {name!r}; it may take: {choice}"
            )
    return Shape(settings, tuple(constants), tuple(variables), source)


def read_parameters(
    function: Callable[..., Any], source: str, names: dict[str, Any] | None = None
) -> Mapping[str, inspect.Parameter]:
    """The parameters of a function by their names, annotations evaluated; each an ordinary one.

    Raises:
        PluginError: `*args`, `**kwargs` or the like, or an annotation that cannot be evaluated.
    """
    try:
        signature = inspect.signature(function, eval_str=True, locals=names)
    except (NameError, TypeError) as error:
        raise PluginError(f"{source}: cannot read the signature: {error}") from error
    for name, parameter in signature.parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise PluginError(f"{source}: parameter {name!r} must be an ordinary one")
    return signature.parameters


def model_of(parameter: inspect.Parameter, source: str) -> type[Settings]:
    """The settings model that the parameter `config` is annotated with.

    Raises:
        PluginError: it is annotated with something else.
    """
    annotation = parameter.annotation
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return annotation
    raise PluginError(
        f"{source}: annotate `config` with a model derived from thurn.plugin.Settings"
    )


def callers_names(depth: int = 2) -> dict[str, Any]:
    """The local names where a decorator is being applied."""
    return dict(sys._getframe(depth).f_locals)  # noqa: SLF001 - the documented way to look up
