"""`thurn login`: what the limiter has done, and how to undo it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final

import click
from thurn.plugin import AccountId
from thurn_kit.commands import CommandSite, find_account, known_as, site_command
from thurn_kit.sources import exact
from thurn_kit.table import json_option, print_json, print_table

from thurn_login_limiter.history import LoginEntry
from thurn_login_limiter.limiter import Limiter

SHOWN: Final = 50
"""Logins that `thurn login history` lists where `--limit` does not say how many: a long screen."""


@click.group()
def login() -> None:
    """Bans of addresses that guess passwords, and the last logins."""


@login.command()
@json_option
@site_command("login", "account")
async def bans(site: CommandSite, as_json: bool) -> None:
    """The bans in force."""
    found = [ban for limiter in _limiters(site) for ban in await limiter.ledger.bans()]
    if as_json:
        print_json([asdict(ban) for ban in found])
        return
    names = await _known(site, (ban.account for ban in found))
    rows = (
        (
            ban.subject,
            names[ban.account] or "all",
            _time(ban.since),
            _duration(ban.remaining_seconds),
            str(ban.failures),
        )
        for ban in found
    )
    titles = ("address", "for", "since", "ends in", "failures")
    print_table(titles, rows, empty="Nobody is banned.")


@login.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS…")
@json_option
@site_command("login")
async def release(site: CommandSite, addresses: tuple[str, ...], as_json: bool) -> None:
    """End bans of addresses, and forget their failures. Those of their IPv6 /64, too."""
    ended: dict[str, int] = {}
    for address in addresses:
        try:
            ended[address] = sum(
                [await limiter.ledger.release(address) for limiter in _limiters(site)]
            )
        except ValueError as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        print_json(ended)
        return
    for address, count in ended.items():
        what = "was not banned" if not count else f"released ({count} bans ended)"
        click.echo(f"{address}: {what}; its failures are forgotten")


@login.command()
@click.option("--account", help="Only this account: a name or an address.")
@click.option("--address", help="Only this IP address, or local for unix sockets.")
@click.option("--limit", default=SHOWN, show_default=True, type=click.IntRange(1), help="Newest.")
@json_option
@site_command("login", "account")
async def history(
    site: CommandSite, account: str | None, address: str | None, limit: int, as_json: bool
) -> None:
    """The last logins, newest first; names that failed are shortened."""
    found: set[LoginEntry] = set()
    for limiter in _limiters(site):
        found.update(await _outcomes(site, limiter, account, address))
    newest = sorted(found, key=lambda outcome: outcome.time, reverse=True)[:limit]
    if as_json:
        print_json([asdict(one) for one in newest])
        return
    names = await _known(site, (one.account for one in newest))
    rows = (
        (
            _time(one.time),
            one.outcome,
            one.name,
            names[one.account],
            one.address,
            one.protocol,
            one.mechanism,
        )
        for one in newest
    )
    titles = ("time", "outcome", "name", "account", "address", "protocol", "mechanism")
    print_table(titles, rows, empty="Nothing is known of such logins.")


def _limiters(site: CommandSite) -> Sequence[Limiter]:
    found = [one for _, one in site.instances("login") if isinstance(one, Limiter)]
    if not found:
        raise click.ClickException(
            'the site has no limiter: add [login.limiter] with type = "limiter", and name it in '
            "the listeners' login lists"
        )
    return found


async def _outcomes(
    site: CommandSite, limiter: Limiter, account: str | None, address: str | None
) -> list[LoginEntry]:
    if account is None:
        if address is None:
            return await limiter.history.all()
        return await limiter.history.of_address(_normal(address))
    found: list[LoginEntry] = []
    for name in await _names(site, account):
        found += await limiter.history.of_name(name)
    if address is not None:
        found = [outcome for outcome in found if outcome.address == _normal(address)]
    return found


async def _names(site: CommandSite, account: str) -> Iterable[str]:
    """The names under which an account may have tried to log in."""
    names = {account: None}
    with contextlib.suppress(click.ClickException):  # a name that nobody has may have been tried
        record = await find_account(site, account)
        names |= {record.account: None}
        names |= {str(address): None for address in record.addresses}
    return names


async def _known(site: CommandSite, accounts: Iterable[str]) -> dict[str, str]:
    return {one: await known_as(site, AccountId(one)) if one else "" for one in set(accounts)}


def _normal(address: str) -> str:
    if address == "local":
        return address
    try:
        return str(exact(ip_address(address)))
    except ValueError as error:
        raise click.ClickException(f"{address} is not an IP address") from error


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
