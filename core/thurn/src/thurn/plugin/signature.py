"""Reads the signature of a plugin function once, when it is decorated.

Rules: parameters are found by name. The annotation of `config` is the settings model, and `context`
is optional; any other name must be one that the role offers. An error is a PluginError with file
and line, when the plugin is imported and never at the first message.
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
    """What the decorators need to know about a function.

    Attributes:
        settings: the model of its section.
        constants: those of `config` and `context` that it takes.
        variables: its other parameters, in order.
        source: `file:line` of its code.
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
        role: the role, for messages.
        offered: the names of the parameters that the role passes.
        names: the caller's local names, for annotations of models that are defined locally.

    Raises:
        PluginError: a parameter is wrong, or the annotation of `config` is missing or wrong.
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
    """The parameters of a function by their names, with their annotations evaluated.

    Raises:
        PluginError: a parameter is `*args`, `**kwargs` or positional-only, or an annotation cannot
            be evaluated.
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
    """The settings model in the annotation of the parameter `config`.

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
    """The local names at the place where a decorator is applied."""
    return dict(sys._getframe(depth).f_locals)  # noqa: SLF001 - the documented way to look up
