"""Makes the chains of a listener from the instances that its lists name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from thurn.chain.current import CurrentRule
from thurn.chain.runner import Chain, Failures, Rule
from thurn.config.instances import Instance
from thurn.contracts.listener import ListenerSettings, ReceivingSettings
from thurn.delivery.local import Decided, delivery_call
from thurn.gate.policies import Forbidden, after_call, before_call
from thurn.mailflow.plan import Chains
from thurn.types.decision import (
    Accept,
    Continue,
    Discard,
    Disconnect,
    Quarantine,
    Reject,
    Tempfail,
)

DECISIONS: Final = (Continue, Accept, Reject, Tempfail, Disconnect)
MESSAGE_DECISIONS: Final = (*DECISIONS, Discard, Quarantine)

SESSION_SECONDS: Final = 30.0
"""Connection, hello, sender, recipient; a peer waits 300 s (RFC 5321 §4.5.3.2)."""
FILTER_SECONDS: Final = 120.0
"""All filters of one message; a peer waits 600 s for the end of data."""
DELIVERY_SECONDS: Final = 60.0
"""The rules of one account."""
LOGIN_SECONDS: Final = 30.0

Call = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class ChainMaker:
    """Makes chains from opened products."""

    instances: Mapping[tuple[str, str], Instance]
    products: Mapping[tuple[str, str], Any]
    failures: Failures
    watch: CurrentRule

    def chain(
        self,
        stage: str,
        role: str,
        names: Sequence[str],
        method: str | Callable[[Any], Call | None],
        *,
        allowed: tuple[type, ...] = DECISIONS,
        seconds: float = SESSION_SECONDS,
    ) -> Chain:
        """The chain of one stage; instances without the stage's method are passed over.

        Args:
            stage: its name in the journal.
            role: whose instances the names are.
            names: in order.
            method: the contract's method, or what makes the call of a product.
            allowed: what a rule may answer besides None.
            seconds: the deadline; a smaller `deadline` of an instance is taken instead.
        """
        rules: list[Rule] = []
        for name in names:
            instance = self.instances[role, name]
            product = self.products[role, name]
            call = getattr(product, method, None) if isinstance(method, str) else method(product)
            if call is None:
                continue
            if instance.common.deadline is not None:
                seconds = min(seconds, instance.common.deadline)
            code = getattr(product, "source", "") or instance.factory.source
            may_fail = instance.common.on_error == "continue"
            rules.append(Rule(instance.full_name, call, f"{code} ({instance.source})", may_fail))
        return Chain(stage, rules, allowed, seconds, self.failures, self.watch)

    def mailflow(self, settings: ReceivingSettings) -> Chains:
        """All chains before delivery."""
        return Chains(
            connection=self.chain("connect", "policy", settings.policies, _connection_call),
            hello=self.chain("hello", "policy", settings.policies, "check_hello"),
            sender=self.chain("sender", "policy", settings.policies, "check_sender"),
            recipient=self.chain("recipient", "policy", settings.policies, "check_recipient"),
            relay=self.chain("relay", "relay", settings.relay, "may_relay"),
            filters=self.chain(
                "filter",
                "filter",
                settings.filters,
                "check_message",
                allowed=MESSAGE_DECISIONS,
                seconds=FILTER_SECONDS,
            ),
        )

    def delivery(self, settings: ReceivingSettings) -> Chain:
        """The rules of accounts."""
        return self.chain(
            "delivery",
            "delivery",
            settings.delivery,
            delivery_call,
            allowed=(Decided,),
            seconds=DELIVERY_SECONDS,
        )

    def login(self, settings: ListenerSettings) -> list[Chain]:
        """The login policies before and after the verdict, and what they record."""
        return [
            self.chain(
                "login",
                "login",
                settings.login,
                method,
                allowed=(Forbidden, Continue),
                seconds=LOGIN_SECONDS,
            )
            for method in (before_call, after_call, "record_login")
        ]


def _connection_call(product: Any) -> Call | None:  # noqa: ANN401 - any policy product
    method = getattr(product, "check_connection", None)
    if method is None:
        return None

    async def call(session: Any, _: Any) -> Any:  # noqa: ANN401
        return await method(session)

    return call
