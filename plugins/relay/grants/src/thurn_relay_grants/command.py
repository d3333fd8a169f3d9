"""The command `thurn relay`: who may send to elsewhere, and why; grant and revoke.

It opens the site's state beside a running server. A grant or revocation counts from the next
recipient on.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final

import click
from pydantic import TypeAdapter, ValidationError
from thurn.plugin import AccountId, Duration
from thurn_kit.commands import CommandSite, caller, examples, find_account, known_as, site_command
from thurn_kit.grants import (
    Grant,
    GrantTable,
    GrantTableFull,
    Network,
    SessionSource,
    Source,
    is_open,
    parse_source,
)
from thurn_kit.table import json_option, print_json

from thurn_relay_grants.explain import Question, explanation
from thurn_relay_grants.show import as_facts, is_configured, print_grants, print_story

GRANTED_BY: Final = "command.relay"
"""The grantor in rows of `thurn relay grant`."""
KINDS: Final = ("address", "network", "session")
"""The kinds of grants, see `thurn_kit.grants.Kind`."""


def source_of(text: str) -> Source:
    """The address, network or `session:ID` of a text; raises click.BadParameter."""
    try:
        return parse_source(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}; give an address, a network, or session:ID") from None


def seconds_of(text: str) -> float:
    """The seconds of a duration written as in the configuration; raises click.BadParameter."""
    try:
        return float(TypeAdapter(Duration).validate_python(text))
    except ValidationError as error:
        raise click.BadParameter(str(error.errors()[0]["msg"])) from None


@click.group()
def relay() -> None:
    """Who may send to elsewhere through this site."""


@relay.command()
@click.option("--kind", type=click.Choice(KINDS), help="Only grants of this kind.")
@json_option
@site_command("account")
async def who(site: CommandSite, kind: Any, as_json: bool) -> None:  # noqa: ANN401 - of KINDS
    """List the grants in force: who, from where, to what, until when, and why."""
    grants = await _table(site).entries(kind)
    await _print(grants, site, as_json, nothing="There is no grant.")


@relay.command(
    epilog=examples(
        'thurn relay grant 192.0.2.7 --for 2h --why "the printer on floor 3"',
        "thurn relay grant 192.0.2.0/28 --for 7d --account alice --why migration",
    )
)
@click.argument("source", metavar="ADDRESS", type=source_of)
@click.option("--account", help="The account that may send; everybody if not given.")
@click.option(
    "--for",
    "seconds",
    type=seconds_of,
    required=True,
    metavar="TIME",
    help='How long the grant lasts: "30m", "2h", "7d".',
)
@click.option("--to", "destinations", multiple=True, help='Only to this domain, or "*.domain".')
@click.option("--why", required=True, help="The reason, for people who read the table.")
@json_option
@site_command("account")
async def grant(  # noqa: PLR0913, PLR0917 - click passes options by name
    site: CommandSite,
    source: Source,
    account: str | None,
    seconds: float,
    destinations: tuple[str, ...],
    why: str,
    as_json: bool,
) -> None:
    """Let ADDRESS (or a network) send, for a while."""
    if isinstance(source, SessionSource):
        raise click.UsageError("a session cannot get a grant: give its address")
    table = _table(site)
    if isinstance(source, IPv4Network | IPv6Network):
        await _no_open_relay(table, source)
    bound = None if account is None else (await find_account(site, account)).account
    reason = f"{why} (by {caller()})"
    try:
        granted = await table.grant(
            source,
            account=bound,
            destinations=destinations,
            reason=reason,
            granted_by=GRANTED_BY,
            lifetime_seconds=seconds,
        )
    except (ValueError, GrantTableFull) as error:
        raise click.ClickException(str(error)) from None
    await _print([granted], site, as_json)


@relay.command()
@click.argument("source", metavar="[ADDRESS]", type=source_of, required=False)
@click.option("--account", help="Only grants of this account; without ADDRESS all of them.")
@json_option
@site_command("account")
async def revoke(
    site: CommandSite, source: Source | None, account: str | None, as_json: bool
) -> None:
    """End the grants of exactly ADDRESS (or a network, or session:ID), or of an account."""
    if source is None and account is None:
        raise click.UsageError("give an ADDRESS, --account, or both")
    table, bound = _table(site), await _bound_to(site, account)
    in_force = await table.entries()
    matching = [
        row
        for row in in_force
        if (source is None or row.source == source) and (bound is None or row.account == bound)
    ]
    configured = [row for row in matching if is_configured(row)]
    ended: list[Grant] = []
    for row in matching:
        if row not in configured:
            ended += await table.revoke(row.source, account=row.account, granted_by=row.granted_by)
    await _print(ended, site, as_json)
    for row in configured:
        click.echo(f"not ended: {_still_permitted(row)}", err=True)
    if not ended:
        raise click.ClickException(_nothing_to_end(source, account, in_force))


@relay.command(epilog=examples("thurn relay explain 192.0.2.7 --to somebody@example.net"))
@click.argument("source", metavar="ADDRESS", type=source_of)
@click.option("--account", help="Explain for a login of this account.")
@click.option(
    "--from",
    "sender",
    help='The sender (MAIL FROM), "<>" for none; by default the primary address of the login or '
    "of an account with a grant.",
)
@click.option("--to", "recipient", default="anybody@elsewhere.invalid", show_default=True)
@click.option("--protocol", default="smtp", show_default=True, help="The listener's protocol.")
@json_option
@site_command("relay", "account")
async def explain(  # noqa: PLR0913, PLR0917 - click passes options by name
    site: CommandSite,
    source: Source,
    account: str | None,
    sender: str | None,
    recipient: str,
    protocol: str,
    as_json: bool,
) -> None:
    """Say whether ADDRESS may send to elsewhere, by which rule, and what is missing."""
    if not isinstance(source, IPv4Address | IPv6Address):
        raise click.UsageError("give a single address")
    question = Question(source, recipient, account, sender, protocol)
    story = await explanation(site, question)
    if as_json:
        print_json(story.facts())
    else:
        print_story(story)


async def _bound_to(site: CommandSite, account: str | None) -> AccountId | None:
    """The account that is meant; a deleted account is named by its id, as `relay who` shows it."""
    if account is None:
        return None
    try:
        return (await find_account(site, account)).account
    except click.ClickException:
        return AccountId(account)


def _table(site: CommandSite) -> GrantTable:
    return GrantTable(site.state, site.clock)


async def _no_open_relay(table: GrantTable, network: Network) -> None:
    """Raise click.ClickException if the network and those granted before are too wide."""
    rows = await table.entries("network")
    sources = [row.source for row in rows if row.granted_by == GRANTED_BY]
    networks = [source for source in sources if isinstance(source, IPv4Network | IPv6Network)]
    if is_open([*networks, network]):
        raise click.ClickException(
            f"{network} and the networks granted before together make an open relay: they cover "
            "more than a /8 of public addresses (IPv6: a /16), or all of IPv4"
        )


async def _print(
    grants: Sequence[Grant], site: CommandSite, as_json: bool, nothing: str = ""
) -> None:
    now = site.clock.wall()
    if as_json:
        print_json([as_facts(row, now) for row in grants])
    elif grants:
        accounts = {row.account for row in grants if row.account is not None}
        print_grants(grants, now, {account: await known_as(site, account) for account in accounts})
    elif nothing:
        click.echo(nothing)


def _still_permitted(grant: Grant) -> str:
    if isinstance(grant.source, SessionSource):
        return f"{grant.source} may send by its login: lock the account {grant.account}"
    return f"{grant.source} is in the configuration ({grant.reason}): remove it there, and reload"


def _nothing_to_end(source: Source | None, account: str | None, in_force: Sequence[Grant]) -> str:
    whose = "" if account is None else f" of {account}"
    where = "" if source is None else f" for exactly {source}"
    text = f"no grant{whose}{where} was ended"
    if isinstance(source, IPv4Address | IPv6Address):
        networks = [row.source for row in in_force if _covers(row.source, source)]
        if networks:
            return f"{text}; the address is in {', '.join(map(str, networks))}"
    return f"{text}; `thurn relay who` lists them"


def _covers(source: Source, address: IPv4Address | IPv6Address) -> bool:
    return isinstance(source, IPv4Network | IPv6Network) and address in source
