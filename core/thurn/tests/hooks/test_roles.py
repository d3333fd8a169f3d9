"""Products that do not fit their role are found when they open, with what to write instead."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest
from thurn.contracts.sasl import SaslProduct
from thurn.hooks.roles import CONTRACTS, problems_of, unasked
from thurn.hooks.specs import RoleSpecs


class Filter:
    async def check_message(self, transaction, content):
        return None


class Misspelled:
    async def chek_message(self, transaction, content):
        return None


class Short:
    async def check_message(self, content):
        return None


class Plain:
    def check_message(self, transaction, content):
        return None


class Handing:
    """A plain function that hands on what another one gives to await."""

    def check_message(self, transaction, content) -> Awaitable[None]:
        return Filter().check_message(transaction, content)


class Value:
    check_message = "reject"


class Policy:
    async def check_sender(self, transaction, sender):
        return None


class PolicyAndMore(Policy):
    async def check_recipent(self, transaction, recipient):
        return None


class Rules:
    async def check_sender(self, transaction, sender):
        return None

    async def transaction_ended(self, transaction):
        return None


class NoRules:
    async def transaction_ended(self, transaction, outcome):
        return None


def opening(of, **more):
    """A policy that opens rules of a class."""
    return type("Opening", (), {"rules": of, "open": lambda self, session: None, **more})()


class HalfLogin:
    async def before_login(self, attempt):
        return None


class Half:
    """A verifier that cannot be asked for stored keys would never be asked at all."""

    async def verify(self, claim):
        return None


class Sight:
    scope = "sight"

    async def run(self):
        return None


class Tls:
    async def server_context(self):
        return None


class Searching:
    async def find(self, account, mailbox_id, query, *, limit):
        return (), 0


class Mechanism:
    mechanism = "X"
    plaintext = False
    channel_binding = ""

    def begin(self):
        return None


class Raising:
    @property
    def check_message(self):
        raise KeyError("x")


@pytest.mark.parametrize(
    ("role", "product", "told"),
    [
        ("filter", Filter(), ""),
        ("filter", Handing(), ""),
        (
            "filter",
            Misspelled(),
            (
                "the class Misspelled has none of the methods of a filter; did you mean "
                "check_message where it says chek_message?"
            ),
        ),
        (
            "filter",
            3,
            "a product of the type int has none of the methods of a filter (check_message)",
        ),
        (
            "filter",
            Short(),
            (
                "check_message(content) cannot be called as (transaction, content): "
                "too many positional arguments"
            ),
        ),
        ("filter", Plain(), "check_message is not async: write `async def check_message`"),
        ("filter", Value(), "check_message is not a method but a product of the type str"),
        ("filter", Raising(), "check_message raises KeyError('x')"),
        ("policy", Policy(), ""),
        (
            "policy",
            object(),
            (
                "a product of the type object has none of the methods of a policy "
                "(check_connection, check_hello, check_recipient, check_sender, open, rules)"
            ),
        ),
        ("policy", opening(Policy), ""),
        ("policy", opening(3), "rules is not a class but a product of the type int"),
        (
            "policy",
            opening(NoRules),
            (
                "the class NoRules has none of the methods of a policy "
                "(check_connection, check_hello, check_recipient, check_sender)"
            ),
        ),
        (
            "policy",
            opening(Rules),
            (
                "transaction_ended(transaction) cannot be called as (transaction, outcome): "
                "too many positional arguments"
            ),
        ),
        (
            "policy",
            opening(Policy, check_sender=Policy.check_sender),
            "it opens rules per session: SenderPolicy belongs into Policy",
        ),
        (
            "login",
            HalfLogin(),
            "the class HalfLogin lacks after_login, which LoginPolicy demands",
        ),
        ("account", Half(), "the class Half lacks stored_key, which CredentialVerifier demands"),
        ("service", Sight(), "scope is 'sight'; write one of worker, site"),
        (
            "tls",
            Tls(),
            "server_context is async, and nothing awaits it: write `def server_context`",
        ),
        (
            "search",
            Searching(),
            (
                "find(account, mailbox_id, query, *, limit) cannot be called as "
                "(account, mailbox_id, query): missing a required argument: 'limit'"
            ),
        ),
        (
            "sasl",
            SaslProduct((Mechanism(),)),
            "begin() cannot be called as (conditions): too many positional arguments",
        ),
        (
            "sasl",
            Mechanism(),
            "the class Mechanism is not a SaslProduct: it has no tuple of mechanisms",
        ),
        ("somebody's", 3, ""),
    ],
)
def test_a_product_is_measured_by_its_role(role, product, told):
    assert "; ".join(problems_of(role, product)) == told


def test_a_method_beside_others_is_a_warning():
    """The product does its duty; nobody knows whether the other method is meant for the host."""
    assert problems_of("policy", PolicyAndMore()) == []
    assert unasked("policy", PolicyAndMore()) == [
        "check_recipent is never called; did you mean check_recipient?"
    ]
    assert unasked("policy", Policy()) == []


def test_every_role_of_the_host_has_contracts():
    roles = {name.removeprefix("thurn_register_") for name in vars(RoleSpecs)}
    assert {role for role in roles if role.isalpha()} == set(CONTRACTS)
