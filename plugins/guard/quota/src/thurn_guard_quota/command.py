"""The command `thurn quota`: what accounts use and may use; set and recount.

It opens the site's stores beside a running server. A limit counts from the next message on.
"""

from __future__ import annotations

from typing import Any, Final

import click
from pydantic import TypeAdapter, ValidationError
from thurn.plugin import AccountHandle, AccountRecord, QuotaGuard, QuotaResource, Size
from thurn_kit.commands import CommandSite, examples, find_account, known_as, site_command
from thurn_kit.table import json_option, print_json, print_table

from thurn_guard_quota.limits import usages

_OPTIONS: Final[tuple[tuple[str, QuotaResource], ...]] = (
    ("storage", "STORAGE"),
    ("messages", "MESSAGE"),
    ("mailboxes", "MAILBOX"),
)


@click.group()
def quota() -> None:
    """What accounts store, and how much they may store."""


@quota.command(epilog=examples("thurn quota show", "thurn quota show alice --json"))
@click.argument("account", required=False)
@json_option
@site_command("account", "store", "guard")
async def show(site: CommandSite, account: str | None, as_json: bool) -> None:
    """Show usage and limits of ACCOUNT; without it, of all accounts that have mail."""
    guard = _guard(site)
    facts: list[dict[str, Any]] = []
    for record in await _records(site, account):
        handle = await site.open_account(record.account)
        facts.append(await _facts(site, guard, record, handle))
    _print(facts, as_json)


@quota.command(
    "set", epilog=examples("thurn quota set alice --storage 2GiB", "thurn quota set alice --clear")
)
@click.argument("account")
@click.option("--storage", metavar="SIZE", help='Most octets: "2GiB", or "none".')
@click.option("--messages", metavar="NUMBER", help='Most messages, or "none".')
@click.option("--mailboxes", metavar="NUMBER", help='Most mailboxes, or "none".')
@click.option("--clear", is_flag=True, help="First forget all limits of the account's own.")
@json_option
@site_command("account", "store", "guard")
async def set_(site: CommandSite, account: str, clear: bool, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - click's own values
    """Set limits of ACCOUNT's own, which count before its record and the settings."""
    if not clear and not any(given.values()):
        raise click.UsageError("give a limit, or --clear")
    guard, record = _guard(site), await find_account(site, account)
    handle = await site.open_account(record.account)
    limits: dict[QuotaResource, int | None] = {}
    for one in () if clear else await guard.quotas(record, handle):
        if one.source == "account":
            limits[one.resource] = one.limit
    for option, resource in _OPTIONS:
        if given[option]:
            limits[resource] = _limit(option, given[option])
    await guard.set_limits(handle, limits)
    _print([await _facts(site, guard, record, handle)], as_json)


@quota.command()
@click.argument("account", required=False)
@json_option
@site_command("account", "store")
async def recount(site: CommandSite, account: str | None, as_json: bool) -> None:
    """Count every message of ACCOUNT (of all accounts without it), and compare with the totals.

    The store keeps the totals, and quota has no counter of its own. Mail that comes or goes
    meanwhile can make a difference.
    """
    rows: list[dict[str, Any]] = []
    for record in await _records(site, account):
        handle = await site.open_account(record.account)
        kept, counted = await usages(handle), await _counted(handle)
        rows.append(
            {
                "account": await known_as(site, record.account),
                "storage": counted["STORAGE"],
                "messages": counted["MESSAGE"],
                "agrees": all(kept[resource] == counted[resource] for resource in counted),
            }
        )
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("account", "storage", "messages", "totals"),
            [
                (
                    row["account"],
                    str(row["storage"]),
                    str(row["messages"]),
                    "agree" if row["agrees"] else "differ: see `thurn store check`",
                )
                for row in rows
            ],
        )
    if not all(row["agrees"] for row in rows):
        raise click.exceptions.Exit(1)


async def _counted(handle: AccountHandle) -> dict[QuotaResource, int]:
    octets = messages = 0
    for one in await handle.mailboxes():
        view = await (await handle.mailbox(one.name)).view()
        octets += sum(view.sizes)
        messages += len(view)
    return {"STORAGE": octets, "MESSAGE": messages}


def _guard(site: CommandSite) -> QuotaGuard:
    """The site's quota. Raises click.ClickException."""
    for _, product in site.instances("guard"):
        if isinstance(product, QuotaGuard):
            return product
    raise click.ClickException('the site has no quota: add [guard.NAME] with type = "quota"')


async def _records(site: CommandSite, name: str | None) -> list[AccountRecord]:
    if name is not None:
        return [await find_account(site, name)]
    records = []
    accounts = {
        account for _, store in site.instances("store") for account in await store.accounts()
    }
    for account in sorted(accounts):
        record = await site.directory.account(account)
        if record is not None:
            records.append(record)
    return records


async def _facts(
    site: CommandSite, guard: QuotaGuard, record: AccountRecord, handle: AccountHandle
) -> dict[str, Any]:
    facts: dict[str, Any] = {"account": await known_as(site, record.account)}
    by_resource = {one.resource: one for one in await guard.quotas(record, handle)}
    for option, resource in _OPTIONS:
        one = by_resource[resource]
        facts[option] = {"usage": one.usage, "limit": one.limit, "source": one.source}
    return facts


def _print(facts: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    names = [option for option, _ in _OPTIONS]
    rows = [(row["account"], *(_shown(row[name]) for name in names)) for row in facts]
    print_table(("account", *names), rows)


def _shown(one: dict[str, Any]) -> str:
    """`800 of 1000 (80 %, record)`."""
    usage, limit = one["usage"], one["limit"]
    if limit is None:
        return f"{usage}"
    part = f"{usage * 100 // limit} %, " if limit else ""
    return f"{usage} of {limit} ({part}{one['source']})"


def _limit(option: str, text: str) -> int | None:
    if text == "none":
        return None
    try:
        number: int = TypeAdapter(Size if option == "storage" else int).validate_python(text)
    except ValidationError:
        number = -1
    if number < 0:
        raise click.BadParameter(f'{text!r} is not a limit: give a number, a size, or "none"')
    return number
