"""Makes the chains of a listener from the instances that its lists name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from thurn.chain.calls import Callee
from thurn.chain.rule import Product, Rule, Stage
from thurn.chain.runner import Chain
from thurn.chain.supervision import Supervision
from thurn.config.instances import Instance
from thurn.contracts.delivery import DeliveryFilter
from thurn.contracts.listener import ListenerSettings, ReceivingSettings
from thurn.contracts.login import LoginPolicy, LoginRecorder
from thurn.contracts.outgoing import OutgoingClass, OutgoingFilter
from thurn.contracts.policy import SessionPolicy
from thurn.delivery.local import DELIVERY
from thurn.delivery.outgoing import OUTGOING, OutgoingStage
from thurn.gate.policies import AFTER, BEFORE, RECORD
from thurn.hooks.source import code_of
from thurn.mailflow.plan import Chains
from thurn.mailflow.sessionrules import SessionRules
from thurn.mailflow.stages import CONNECTION, FILTER, HELLO, RECIPIENT, RELAY, SENDER


@dataclass(frozen=True, slots=True)
class ChainMaker:
    """Makes chains from opened products."""

    instances: Mapping[tuple[str, str], Instance]
    products: Mapping[tuple[str, str], Any]
    supervision: Supervision
    sessions: dict[str, SessionRules]

    def chain(self, stage: Stage[Product], role: str, names: Sequence[str]) -> Chain[Product]:
        """The chain of one stage, without the instances that do not have the stage's method.

        Args:
            stage: what is asked.
            role: the role of the instances.
            names: the names of the instances, in order.
        """
        rules: list[Rule[Product]] = []
        for name in names:
            instance = self.instances[role, name]
            product = self.products[role, name]
            source = source_of_instance(instance, product)
            if role == "policy" and isinstance(product, SessionPolicy):
                if getattr(product.rules, stage.method, None) is None:
                    continue
                product = self._session_rules(instance, product, source)
            elif getattr(product, stage.method, None) is None:
                continue
            rule = Rule[Product](
                instance.full_name,
                product,
                source,
                continue_on_error=instance.common.on_error == "continue",
                deadline_seconds=instance.common.deadline,
            )
            rules.append(rule)
        return Chain(stage, rules, self.supervision)

    def _session_rules(self, instance: Instance, product: SessionPolicy, source: str) -> Any:  # noqa: ANN401 - a policy of every stage
        """A policy that opens rules per session; one object for all stages and listeners."""
        rules = self.sessions.get(instance.name)
        if rules is None:
            callee = Callee("session", instance.full_name, source)
            rules = SessionRules(product, callee, self.supervision)
            self.sessions[instance.name] = rules
        return rules

    def mailflow(self, settings: ReceivingSettings) -> Chains:
        """All chains before delivery."""
        return Chains(
            connection=self.chain(CONNECTION, "policy", settings.policies),
            hello=self.chain(HELLO, "policy", settings.policies),
            sender=self.chain(SENDER, "policy", settings.policies),
            recipient=self.chain(RECIPIENT, "policy", settings.policies),
            relay=self.chain(RELAY, "relay", settings.relay),
            filters=self.chain(FILTER, "filter", settings.filters),
        )

    def delivery(self, settings: ReceivingSettings) -> Chain[DeliveryFilter]:
        """The rules of accounts."""
        return self.chain(DELIVERY, "delivery", settings.delivery)

    def outgoing(self, names: Sequence[str]) -> OutgoingStage:
        """The stage `outgoing`: the instances by class, each class in the list's order."""
        classes: dict[OutgoingClass, list[str]] = {"edit": [], "sign": []}
        for name in names:
            product: OutgoingFilter = self.products["outgoing", name]
            classes[product.outgoing_class].append(name)
        return OutgoingStage(
            edit=self.chain(OUTGOING, "outgoing", classes["edit"]),
            sign=self.chain(OUTGOING, "outgoing", classes["sign"]),
        )

    def login(
        self, settings: ListenerSettings
    ) -> tuple[Chain[LoginPolicy], Chain[LoginPolicy], Chain[LoginRecorder]]:
        """The login policies before and after the verdict, and what they record."""
        return (
            self.chain(BEFORE, "login", settings.login),
            self.chain(AFTER, "login", settings.login),
            self.chain(RECORD, "login", settings.login),
        )


def source_of_instance(instance: Instance, product: object) -> str:
    """file:line of the code of a product and of the section that it comes from."""
    return f"{code_of(product, instance.factory.source)} ({instance.source})"
