"""What the product of each role must have: the one table from roles to contracts.

Rules of this file:
1. A contract is a Protocol: its members are what the host calls or reads. A product must have all
   members of at least one contract of its role, and if it has any member of another contract, all
   of that one, too.
2. A role that has no line here, such as a family's, is checked by the plugin that declares it.
3. Products are checked once, when an instance opens. Otherwise a method that is misspelled, takes
   other parameters or is not async would be noticed at the first message, or never.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from types import MethodType
from typing import Final, Protocol

from thurn.contracts.account import (
    AccountFinder,
    CredentialVerifier,
    Directory,
    DiscreetVerifier,
    RevisedVerifier,
)
from thurn.contracts.delivery import DeliveryFilter
from thurn.contracts.filter import MessageFilter
from thurn.contracts.guard import Guard, HoldingGuard, QuotaGuard
from thurn.contracts.listener import Listener, SocketListener
from thurn.contracts.login import LoginPolicy, LoginRecorder
from thurn.contracts.outgoing import OutgoingFilter
from thurn.contracts.policy import (
    ConnectionPolicy,
    HelloPolicy,
    RecipientPolicy,
    SenderPolicy,
    SessionPolicy,
    TransactionWatcher,
)
from thurn.contracts.queue import Queue, Router, Transport
from thurn.contracts.relay import RelayPolicy
from thurn.contracts.resolver import Resolver
from thurn.contracts.sasl import SaslMechanism, SaslProduct
from thurn.contracts.search import SearchIndex
from thurn.contracts.service import Service
from thurn.contracts.state import State
from thurn.contracts.store import MailStore
from thurn.contracts.tls import TlsProvider

POLICIES: Final[tuple[type, ...]] = (ConnectionPolicy, HelloPolicy, SenderPolicy, RecipientPolicy)
"""The contracts of a policy; the rules of a `SessionPolicy` have at least one of them."""

CONTRACTS: Final[Mapping[str, tuple[type, ...]]] = {
    "listener": (Listener, SocketListener),
    "tls": (TlsProvider,),
    "policy": (*POLICIES, SessionPolicy),
    "sasl": (SaslProduct,),
    "account": (
        CredentialVerifier,
        RevisedVerifier,
        DiscreetVerifier,
        Directory,
        AccountFinder,
    ),
    "login": (LoginPolicy, LoginRecorder),
    "relay": (RelayPolicy,),
    "filter": (MessageFilter,),
    "delivery": (DeliveryFilter,),
    "outgoing": (OutgoingFilter,),
    "queue": (Queue,),
    "router": (Router,),
    "transport": (Transport,),
    "resolver": (Resolver,),
    "store": (MailStore,),
    "guard": (Guard, HoldingGuard, QuotaGuard),
    "search": (SearchIndex,),
    "state": (State,),
    "service": (Service,),
}

WORDS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("service", "scope"): ("worker", "site"),
    ("outgoing", "outgoing_class"): ("edit", "sign"),
}
"""Members whose value is one of a few words; with another word the instance would never be
asked."""

_CLOSE: Final = 0.75
"""How similar two names must be (0 to 1) for one to count as a misspelling of the other."""


def problems_of(role: str, product: object) -> list[str]:
    """What is wrong with a product of this role, as texts; empty if it meets its contracts."""
    contracts = CONTRACTS.get(role, ())
    if not contracts:
        return []
    if role == "sasl":
        return _problems_of_mechanisms(product)
    begun = [one for one in contracts if any(_has(product, name) for name in _own(one))]
    if not begun:
        return [
            f"{_shown(product)} has none of the methods of a {role}{_choice(product, contracts)}"
        ]
    problems = [problem for one in begun for problem in _problems(product, one)]
    if role == "policy" and SessionPolicy in begun and not problems:
        problems += _problems_of_rules(product, begun)
    for (of_role, name), words in WORDS.items():
        value = getattr(product, name, None)
        if role == of_role and value is not None and value not in words:
            problems.append(f"{name} is {value!r:.40}; write one of {', '.join(words)}")
    return list(dict.fromkeys(problems))


def unasked(role: str, product: object) -> list[str]:
    """Warnings about methods that the host never calls, but whose names are nearly those of methods
    of the role that the product does not have."""
    names = {name for one in CONTRACTS.get(role, ()) for name in _members(one)}
    missing = [name for name in names if not _has(product, name)]
    pairs = [
        (own, close[0])
        for own in _methods_of(product) - names
        if (close := difflib.get_close_matches(own, missing, n=1, cutoff=0.9))
    ]
    return [f"{own} is never called; did you mean {name}?" for own, name in sorted(pairs)]


def _problems_of_rules(policy: object, begun: list[type]) -> list[str]:
    """What is wrong with a policy that opens rules per session."""
    rules: object = getattr(policy, "rules", None)
    if not isinstance(rules, type):
        return [f"rules is not a class but {_shown(rules)}"]
    if len(begun) > 1:
        return [f"it opens rules per session: {begun[0].__name__} belongs into {rules.__name__}"]
    judged = [one for one in POLICIES if any(_has(rules, name) for name in _own(one))]
    if not judged:
        fact = f"the class {rules.__qualname__} has none of the methods of a policy"
        return [f"{fact}{_choice(rules, POLICIES)}"]
    if _has(rules, "transaction_ended"):
        judged.append(TransactionWatcher)
    return [problem for one in judged for problem in _problems(rules, one)]


def _problems_of_mechanisms(product: object) -> list[str]:
    mechanisms = getattr(product, "mechanisms", None)
    if not isinstance(mechanisms, Iterable) or isinstance(mechanisms, str):
        return [f"{_shown(product)} is not a SaslProduct: it has no tuple of mechanisms"]
    return [problem for one in mechanisms for problem in _problems(one, SaslMechanism)]


def _problems(product: object, contract: type) -> Iterator[str]:
    """What a product lacks of one contract, or has in a wrong form."""
    for name, declared in _members(contract).items():
        try:
            member = getattr(product, name, None)
        except Exception as error:  # noqa: BLE001 - a property of a plugin
            yield f"{name} raises {error!r}"
            continue
        if member is None:
            hint = _suggestion(product, name)
            yield f"{_shown(product)} lacks {name}, which {contract.__name__} demands{hint}"
        elif inspect.isfunction(declared):
            if isinstance(product, type) and inspect.isfunction(member):
                member = MethodType(member, product)  # as an object of the class has it
            yield from _problems_of_method(member, name, declared)


def _problems_of_method(
    method: object, name: str, declared: Callable[..., object]
) -> Iterator[str]:
    """What is wrong with a method; `declared` is the contract's function."""
    if not callable(method):
        yield f"{name} is not a method but {_shown(method)}"
        return
    problem = _problem_of_parameters(method, declared)
    if problem:
        yield f"{name}{problem}"
    if inspect.iscoroutinefunction(declared) and _is_plain(method):
        yield f"{name} is not async: write `async def {name}`"
    if not inspect.iscoroutinefunction(declared) and inspect.iscoroutinefunction(method):
        yield f"{name} is async, and nothing awaits it: write `def {name}`"


def _problem_of_parameters(method: Callable[..., object], declared: Callable[..., object]) -> str:
    wanted = list(inspect.signature(declared).parameters.values())[1:]
    positional = [p.name for p in wanted if p.kind is not p.KEYWORD_ONLY]
    named = {p.name: None for p in wanted if p.kind is p.KEYWORD_ONLY}
    try:
        signature = inspect.signature(method)
    except (TypeError, ValueError):  # written in C
        return ""
    try:
        signature.bind(*positional, **named)
    except TypeError as error:
        call = ", ".join([*positional, *(f"{one}=…" for one in named)])
        return f"{signature} cannot be called as ({call}): {error}"
    return ""


def _is_plain(method: object) -> bool:
    """Whether it is an ordinary function that does not say that it returns an awaitable."""
    if inspect.iscoroutinefunction(method) or not (
        inspect.isfunction(method) or inspect.ismethod(method)
    ):
        return False
    returned = str(getattr(method, "__annotations__", {}).get("return", ""))
    return not any(word in returned for word in ("Awaitable", "Coroutine", "Future"))


@cache
def _own(contract: type) -> frozenset[str]:
    """The members that a contract itself declares, without those that it inherits."""
    return frozenset(_declared(contract))


@cache
def _members(contract: type) -> Mapping[str, object]:
    """All members of a contract and how it declares them."""
    members: dict[str, object] = {}
    for base in reversed(contract.__mro__):
        if base not in (object, Protocol):
            members.update(_declared(base))
    return members


def _declared(contract: type) -> dict[str, object]:
    annotated = dict.fromkeys(vars(contract).get("__annotations__", {}))
    members = {**annotated, **vars(contract)}
    return {name: value for name, value in members.items() if not name.startswith("_")}


def _has(product: object, name: str) -> bool:
    try:
        return getattr(product, name, None) is not None
    except Exception:  # noqa: BLE001 - a property of a plugin: it is there, and raises when it is asked
        return True


def _methods_of(product: object) -> set[str]:
    names = {name for name in dir(product) if not name.startswith("_")}
    return {name for name in names if callable(inspect.getattr_static(product, name, None))}


def _choice(product: object, contracts: Iterable[type]) -> str:
    names = [name for one in contracts for name in _own(one)]
    for own in sorted(_methods_of(product)):
        close = difflib.get_close_matches(own, names, n=1, cutoff=_CLOSE)
        if close:
            return f"; did you mean {close[0]} where it says {own}?"
    return f" ({', '.join(sorted(names)[:6])})"


def _suggestion(product: object, name: str) -> str:
    close = difflib.get_close_matches(name, _methods_of(product), n=1, cutoff=_CLOSE)
    return f"; did you mean that where it says {close[0]}?" if close else ""


def _shown(product: object) -> str:
    """What to call a product in a text for its author: its class, or the type of a plain value."""
    kind = product if isinstance(product, type) else type(product)
    if kind.__module__ == "builtins":
        return f"a product of the type {kind.__name__}"
    return f"the class {kind.__qualname__}"
