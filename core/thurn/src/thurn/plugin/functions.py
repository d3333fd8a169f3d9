"""The decorators that make a function a plugin. Each returns a `Factory` for the entry point.

Rules: functions may be plain or async. They name the parameters that they want, and return a
decision or None. What stays the same (`config`, `context`) is bound when the product opens, and the
rest is passed by position, so nothing is looked up per call.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from thurn.contracts.context import Context
from thurn.contracts.factory import Factory
from thurn.contracts.login import LoginAttempt
from thurn.contracts.outgoing import OutgoingClass
from thurn.contracts.sasl import (
    SaslConditions,
    SaslExchange,
    SaslFailure,
    SaslProduct,
    SaslResult,
)
from thurn.contracts.settings import Settings
from thurn.plugin.message import Message
from thurn.plugin.sasl import Malformed
from thurn.plugin.signature import Shape, callers_names, read_shape
from thurn.types.errors import PluginError
from thurn.types.identity import Identity

Function = Callable[..., Any]
Getter = Callable[..., object]
"""Makes a parameter of the function from the arguments of the contract's method."""
Decorator = Callable[[Function], Factory]

_TRANSACTION: dict[str, Getter] = {
    "transaction": lambda transaction, _: transaction,
    "session": lambda transaction, _: transaction.session,
}
_MESSAGE: dict[str, Getter] = {
    **_TRANSACTION,
    "message": Message,
    "content": lambda _, content: content,
}
_SENDER: dict[str, Getter] = {**_TRANSACTION, "sender": lambda _, sender: sender}
_RECIPIENT: dict[str, Getter] = {**_TRANSACTION, "recipient": lambda _, recipient: recipient}
_SESSION: dict[str, Getter] = {"session": lambda session, *_: session}
_HELLO: dict[str, Getter] = {**_SESSION, "name": lambda _, name: name}
_ATTEMPT: dict[str, Getter] = {
    "attempt": lambda attempt: attempt,
    "session": lambda attempt: attempt.session,
}
_OUTGOING: dict[str, Getter] = {
    "entry": lambda entry, _: entry,
    "envelope": lambda entry, _: entry.envelope,
    "origin": lambda entry, _: entry.origin,
    "content": lambda _, content: content,
}
_ENVELOPE: dict[str, Getter] = {
    "envelope": lambda envelope, _: envelope,
    "recipient": lambda _, recipient: recipient,
}


class FunctionProduct:
    """The product of a function plugin: it has one method of its role's contract, made from the
    function."""

    source: str


class LoginFunction(FunctionProduct):
    """The product of a login policy, which has no opinion after the login."""

    async def after_login(self, attempt: LoginAttempt, identity: Identity | None) -> None:
        """No opinion."""


Call = Callable[..., Awaitable[object]]


def _caller(function: Function, shape: Shape, getters: dict[str, Getter]) -> Call:
    """The function as a method of its contract."""
    wanted = [getters[name] for name in shape.variables]
    if inspect.iscoroutinefunction(function):

        async def call(*arguments: object) -> object:
            return await function(*[get(*arguments) for get in wanted])
    else:

        async def call(*arguments: object) -> object:
            return function(*[get(*arguments) for get in wanted])

    return call


def _function_plugin(
    role: str,
    type_name: str,
    method: str,
    getters: dict[str, Getter],
    *,
    kind: type[FunctionProduct] = FunctionProduct,
    **attributes: str,
) -> Decorator:
    """A decorator for functions that become one method of a role's contract.

    Args:
        role: the contract's role.
        type_name: the plugin's type.
        method: the name of the method.
        getters: what makes each parameter from the method's arguments.
        kind: the class of the product.
        attributes: further attributes of the product that the contract demands.
    """
    names = callers_names(3)

    def decorate(function: Function) -> Factory:
        shape = read_shape(function, f"{role} function", tuple(getters), names)

        @asynccontextmanager
        async def open_product(
            config: Settings, context: Context
        ) -> AsyncIterator[FunctionProduct]:
            product = kind()
            call = _caller(_bind(function, shape, config, context), shape, getters)
            setattr(product, method, call)
            product.source = shape.source
            for name, value in attributes.items():
                setattr(product, name, value)
            yield product

        return Factory(role, type_name, shape.settings, open_product, shape.source)

    return decorate


def _bind(function: Function, shape: Shape, config: Settings, context: Context) -> Function:
    constants = {"config": config, "context": context}
    bound = {name: constants[name] for name in shape.constants}
    return partial(function, **bound) if bound else function


def message_filter(type_name: str) -> Decorator:
    """A message filter: takes `message`, `transaction`, `content`, `session`; returns a
    `MessageDecision` or None. See `thurn.contracts.filter`."""
    return _function_plugin("filter", type_name, "check_message", _MESSAGE)


def relay_policy(type_name: str) -> Decorator:
    """A relay rule: takes `transaction`, `recipient`, `session`; `Accept()` permits."""
    return _function_plugin("relay", type_name, "may_relay", _RECIPIENT)


def sender_policy(type_name: str) -> Decorator:
    """A judge of the envelope's sender: takes `transaction`, `sender`, `session`."""
    return _function_plugin("policy", type_name, "check_sender", _SENDER)


def recipient_policy(type_name: str) -> Decorator:
    """A judge of a local recipient: takes `transaction`, `recipient`, `session`."""
    return _function_plugin("policy", type_name, "check_recipient", _RECIPIENT)


def connection_policy(type_name: str) -> Decorator:
    """A judge of a peer: takes `session`."""
    return _function_plugin("policy", type_name, "check_connection", _SESSION)


def hello_policy(type_name: str) -> Decorator:
    """A judge of the peer's hello: takes `session`, `name`."""
    return _function_plugin("policy", type_name, "check_hello", _HELLO)


def outgoing_filter(type_name: str, *, outgoing_class: OutgoingClass = "edit") -> Decorator:
    """A filter of the queue's entries for elsewhere: takes `envelope`, `origin`, `content`,
    `entry`; returns `Continue` with edits, `Tempfail`, or None. See `thurn.contracts.outgoing`.

    Args:
        type_name: the plugin's type.
        outgoing_class: "edit"; or "sign", which is asked after all edits and may only put fields
            above the message.
    """
    return _function_plugin(
        "outgoing", type_name, "check_outgoing", _OUTGOING, outgoing_class=outgoing_class
    )


def router(type_name: str) -> Decorator:
    """A router: takes `envelope`, `recipient`; returns a `Hop` or None."""
    return _function_plugin("router", type_name, "route", _ENVELOPE)


def login_policy(type_name: str) -> Decorator:
    """A rule that is asked before each login: takes `attempt`, `session`; returns `Forbid`,
    `Proceed` or None. A rule that needs to know how logins end is a class
    (`thurn.contracts.login`)."""
    return _function_plugin("login", type_name, "before_login", _ATTEMPT, kind=LoginFunction)


def sasl_mechanism(name: str, *, plaintext: bool = False, channel_binding: str = "") -> Decorator:
    """A login mechanism: a generator function that takes `conditions` (see `thurn.plugin.sasl`).

    Args:
        name: the registered name of the mechanism, in upper case; the plugin's type is the same in
            lower case.
        plaintext: whether the password can be read in the exchange.
        channel_binding: the channel binding that it needs; it is offered only if the connection has
            that one.
    """
    names = callers_names()

    def decorate(function: Function) -> Factory:
        shape = read_shape(function, "SASL mechanism", ("conditions",), names)
        if not inspect.isgeneratorfunction(function):
            raise PluginError(f"{shape.source}: a SASL mechanism is a generator function")

        @asynccontextmanager
        async def open_product(config: Settings, context: Context) -> AsyncIterator[SaslProduct]:
            bound = _bind(function, shape, config, context)
            takes_conditions = bool(shape.variables)
            mechanism = GeneratorMechanism(
                name, bound, takes_conditions, plaintext=plaintext, channel_binding=channel_binding
            )
            yield SaslProduct((mechanism,))

        return Factory("sasl", name.lower(), shape.settings, open_product, shape.source)

    return decorate


class GeneratorMechanism:
    """A mechanism whose exchange is a generator function. `Malformed` becomes a `SaslFailure`."""

    def __init__(
        self,
        mechanism: str,
        function: Function,
        takes_conditions: bool,
        *,
        plaintext: bool,
        channel_binding: str = "",
    ) -> None:
        self.mechanism = mechanism
        self.plaintext = plaintext
        self.channel_binding = channel_binding
        self._function = function
        self._takes_conditions = takes_conditions

    def begin(self, conditions: SaslConditions) -> SaslExchange:
        """Begin an exchange."""
        return self._guarded(conditions)

    def _guarded(self, conditions: SaslConditions) -> SaslExchange:
        arguments = (conditions,) if self._takes_conditions else ()
        try:
            result: SaslResult = yield from self._function(*arguments)
        except Malformed as error:
            return SaslFailure(str(error), malformed=True)
        return result


__all__ = [
    "connection_policy",
    "hello_policy",
    "login_policy",
    "message_filter",
    "outgoing_filter",
    "recipient_policy",
    "relay_policy",
    "router",
    "sasl_mechanism",
    "sender_policy",
]
