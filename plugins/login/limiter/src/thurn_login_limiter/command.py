"""`thurn login`: shows the limiter's bans and the last logins, and ends bans."""

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
"""Logins that `thurn login history` lists without `--limit`: about one long screen."""


@click.group()
def login() -> None:
    """Bans of addresses that guess passwords, and the last logins."""


@login.command()
@json_option
@site_command("login", "account")
async def bans(site: CommandSite, as_json: bool) -> None:
    """The bans in force."""
    in_force = [ban for limiter in _limiters(site) for ban in await limiter.ledger.bans()]
    names = await _shown_names(site, (ban.account for ban in in_force))
    if as_json:
        print_json([asdict(ban) | {"account_name": names[ban.account]} for ban in in_force])
        return
    rows = (
        (
            ban.subject,
            names[ban.account] or "all",
            _time(ban.since),
            _duration(ban.remaining_seconds),
            str(ban.failures),
        )
        for ban in in_force
    )
    titles = ("address", "for", "since", "ends in", "failures")
    print_table(titles, rows, empty="Nobody is banned.")


@login.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS…")
@json_option
@site_command("login")
async def release(site: CommandSite, addresses: tuple[str, ...], as_json: bool) -> None:
    """End the bans of addresses and of their IPv6 /64s, and forget their failures."""
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
        bans_ended = "1 ban ended" if count == 1 else f"{count} bans ended"
        what = f"released ({bans_ended})" if count else "was not banned"
        click.echo(f"{address}: {what}; its failures are forgotten")


@login.command()
@click.option("--account", help="Only this account: a name or an address.")
@click.option("--address", help='Only this IP address, or "local" for unix sockets.')
@click.option(
    "--limit",
    default=SHOWN,
    show_default=True,
    type=click.IntRange(1),
    help="How many logins to list, the newest ones.",
)
@json_option
@site_command("login", "account")
async def history(
    site: CommandSite, account: str | None, address: str | None, limit: int, as_json: bool
) -> None:
    """The last logins, newest first; names of failed logins are shortened."""
    entries: set[LoginEntry] = set()
    for limiter in _limiters(site):
        entries.update(await _entries(site, limiter, account, address))
    newest = sorted(entries, key=lambda entry: entry.time, reverse=True)[:limit]
    names = await _shown_names(site, (entry.account for entry in newest))
    if as_json:
        print_json([asdict(entry) | {"account_name": names[entry.account]} for entry in newest])
        return
    rows = (
        (
            _time(entry.time),
            entry.outcome,
            entry.name,
            names[entry.account],
            entry.address,
            entry.protocol,
            entry.mechanism,
        )
        for entry in newest
    )
    titles = ("time", "outcome", "name", "account", "address", "protocol", "mechanism")
    print_table(titles, rows, empty="No such login is recorded.")


def _limiters(site: CommandSite) -> Sequence[Limiter]:
    limiters = [product for _, product in site.instances("login") if isinstance(product, Limiter)]
    if not limiters:
        raise click.ClickException(
            'the site has no limiter: add [login.limiter] with type = "limiter", and name it in '
            "the listeners' login lists"
        )
    return limiters


async def _entries(
    site: CommandSite, limiter: Limiter, account: str | None, address: str | None
) -> list[LoginEntry]:
    if account is None:
        if address is None:
            return await limiter.history.all()
        return await limiter.history.of_address(_normal(address))
    entries: list[LoginEntry] = []
    for name in await _names(site, account):
        entries += await limiter.history.of_name(name)
    if address is not None:
        entries = [entry for entry in entries if entry.address == _normal(address)]
    return entries


async def _names(site: CommandSite, account: str) -> Iterable[str]:
    """The names with which somebody may have tried to log in to an account."""
    names = {account: None}
    with contextlib.suppress(click.ClickException):  # people may try names that no account has
        record = await find_account(site, account)
        names |= {record.account: None}
        names |= {str(address): None for address in record.addresses}
    return names


async def _shown_names(site: CommandSite, accounts: Iterable[str]) -> dict[str, str]:
    return {
        account: await known_as(site, AccountId(account)) if account else ""
        for account in set(accounts)
    }


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
