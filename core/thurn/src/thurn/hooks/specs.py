"""The hook specifications of the host, in the order in which a message meets the roles.

Rules: every hook is synchronous, is called only while a configuration is being read (start, reload,
`thurn check`), and returns factories of its role; all answers count. Two factories of one (role,
type) are an error at start that names both distributions. What runs per message is a contract
(`thurn.contracts`), which is called directly. Installing a plugin changes nothing until the
configuration names it; what is not named is not imported.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from thurn.contracts.factory import Factory
from thurn.hooks.markers import hookspec


class RoleSpecs:
    """One hook per role: `thurn_register_<role>`."""

    @hookspec(historic=True)
    def thurn_addhooks(self, manager: pluggy.PluginManager) -> None:
        """Declare hooks of your own: `manager.add_hookspecs(module)`.

        A family head (imap, sieve, web) declares its extension hook here; a third party adds a
        role by a hook `thurn_register_<role>`, and `[<role>.<instance>]` sections follow from it.
        """

    # a connection arrives

    @hookspec
    def thurn_register_listener(self) -> Iterable[Factory]:
        """Servers of a protocol; products are `Listener` or `SocketListener`."""
        return ()

    @hookspec
    def thurn_register_tls(self) -> Iterable[Factory]:
        """Sources of certificates; products are `TlsProvider`."""
        return ()

    @hookspec
    def thurn_register_resolver(self) -> Iterable[Factory]:
        """Look-ups in the DNS; products are `Resolver`."""
        return ()

    @hookspec
    def thurn_register_policy(self) -> Iterable[Factory]:
        """Judges of connection, hello, sender and recipient; products have at least one of the
        methods."""
        return ()

    # who is it

    @hookspec
    def thurn_register_sasl(self) -> Iterable[Factory]:
        """Login mechanisms; products are `SaslProduct`."""
        return ()

    @hookspec
    def thurn_register_account(self) -> Iterable[Factory]:
        """Accounts; products are `CredentialVerifier`, `Directory` or both."""
        return ()

    @hookspec
    def thurn_register_login(self) -> Iterable[Factory]:
        """Rules around every login; products are `LoginPolicy`."""
        return ()

    # may it go on, and what is it

    @hookspec
    def thurn_register_relay(self) -> Iterable[Factory]:
        """Who may send to elsewhere; products are `RelayPolicy`."""
        return ()

    @hookspec
    def thurn_register_filter(self) -> Iterable[Factory]:
        """Judges of whole messages; products are `MessageFilter`."""
        return ()

    # where does it go

    @hookspec
    def thurn_register_delivery(self) -> Iterable[Factory]:
        """Rules of an account; products are `DeliveryFilter`."""
        return ()

    @hookspec
    def thurn_register_outgoing(self) -> Iterable[Factory]:
        """Edits and signatures of what goes elsewhere; products are `OutgoingFilter`."""
        return ()

    @hookspec
    def thurn_register_queue(self) -> Iterable[Factory]:
        """Where mail for elsewhere and later waits; products are `Queue`."""
        return ()

    @hookspec
    def thurn_register_router(self) -> Iterable[Factory]:
        """What decides where a recipient goes; products are `Router`."""
        return ()

    @hookspec
    def thurn_register_transport(self) -> Iterable[Factory]:
        """What carries mail to its next hop; products are `Transport`."""
        return ()

    # at rest

    @hookspec
    def thurn_register_store(self) -> Iterable[Factory]:
        """Mailboxes; products are `MailStore`."""
        return ()

    @hookspec
    def thurn_register_guard(self) -> Iterable[Factory]:
        """Judges of what enters a store; products are `Guard`."""
        return ()

    @hookspec
    def thurn_register_search(self) -> Iterable[Factory]:
        """Indexes for searching in bodies; products are `SearchIndex`."""
        return ()

    # around it

    @hookspec
    def thurn_register_state(self) -> Iterable[Factory]:
        """Small shared state; products are `State`."""
        return ()

    @hookspec
    def thurn_register_service(self) -> Iterable[Factory]:
        """Background tasks; products are `Service`."""
        return ()
