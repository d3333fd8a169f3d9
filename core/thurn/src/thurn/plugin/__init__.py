"""The façade: everything that a plugin author needs, and the public API that is versioned.

The simplest plugin is a function (design D3):

    from thurn.plugin import Message, Reject, Settings, message_filter

    class Words(Settings):
        words: tuple[str, ...]

    @message_filter("words")
    def words(message: Message, config: Words) -> Reject | None:
        subject = message.header("subject").lower()
        if any(word in subject for word in config.words):
            return Reject("words.subject", "Your subject is not welcome here")
        return None

with `[project.entry-points.thurn]` `"filter.words" = "my_module:words"`, and in the site's file
`[filter.words]` `type = "words"`. The second form, for products with connections, is a class in
an async context manager under `@plugin(role, type)`.
"""

from thurn.contracts.context import Context, ListenerContext
from thurn.contracts.delivery import Delivery
from thurn.contracts.factory import Factory
from thurn.contracts.settings import (
    Duration,
    NoSettings,
    Ref,
    Secret,
    Settings,
    SitePath,
    Size,
)
from thurn.hooks.markers import hookimpl, hookspec
from thurn.plugin import sasl
from thurn.plugin.exclusive import exclusive
from thurn.plugin.functions import (
    connection_policy,
    hello_policy,
    login_policy,
    message_filter,
    recipient_policy,
    relay_policy,
    router,
    sasl_mechanism,
    sender_policy,
)
from thurn.plugin.message import Message
from thurn.plugin.product import plugin
from thurn.plugin.sieve.functions import sieve_command, sieve_test
from thurn.plugin.sieve.match import Match
from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.decision import (
    Accept,
    AddRecipient,
    ChangeSender,
    Continue,
    Discard,
    Disconnect,
    InsertHeader,
    Quarantine,
    Reject,
    RemoveHeader,
    RemoveRecipient,
    ReplaceHeader,
    Tempfail,
)
from thurn.types.envelope import Envelope, Recipient
from thurn.types.session import Session, Transaction
from thurn.types.status import Status

API_VERSION = 1
"""Grows when a name of this module changes its meaning; additions do not count."""

__all__ = [
    "API_VERSION",
    "Accept",
    "AddRecipient",
    "Address",
    "ChangeSender",
    "Content",
    "Context",
    "Continue",
    "Delivery",
    "Discard",
    "Disconnect",
    "Duration",
    "Envelope",
    "Factory",
    "InsertHeader",
    "ListenerContext",
    "Match",
    "Message",
    "NoSettings",
    "Quarantine",
    "Recipient",
    "Ref",
    "Reject",
    "RemoveHeader",
    "RemoveRecipient",
    "ReplaceHeader",
    "Secret",
    "Session",
    "Settings",
    "SitePath",
    "Size",
    "Status",
    "Tempfail",
    "Transaction",
    "connection_policy",
    "exclusive",
    "hello_policy",
    "hookimpl",
    "hookspec",
    "login_policy",
    "message_filter",
    "plugin",
    "recipient_policy",
    "relay_policy",
    "router",
    "sasl",
    "sasl_mechanism",
    "sender_policy",
    "sieve_command",
    "sieve_test",
]
