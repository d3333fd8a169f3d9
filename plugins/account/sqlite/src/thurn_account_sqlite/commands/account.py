"""`thurn account`: accounts and their passwords."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
from thurn_kit.accounts import name_key
from thurn_kit.commands import CommandSite, examples, site_command

from thurn_account_sqlite import listing
from thurn_account_sqlite.changes.account import (
    Properties,
    add_account,
    delete_account,
    read_properties,
    set_account,
)
from thurn_account_sqlite.changes.address import Owner, add_address, make_primary, remove_address
from thurn_account_sqlite.changes.change import Change, ChangeRefused, known_account, own_domain
from thurn_account_sqlite.changes.credential import remove_main, set_main
from thurn_account_sqlite.changes.grant import (
    allow_acting,
    allow_sending,
    end_acting,
    end_sending,
)
from thurn_account_sqlite.commands.apppassword import app_password
from thurn_account_sqlite.commands.imports import import_
from thurn_account_sqlite.commands.output import (
    change_facts,
    print_facts,
    print_json,
    print_table,
    say,
    size,
)
from thurn_account_sqlite.commands.secret import (
    generate_password,
    make,
    read_hash,
    read_password,
)
from thurn_account_sqlite.commands.site import (
    SITE_STORE,
    change,
    check_store,
    common_options,
    confirm,
    find_accounts,
    owner_of,
    read,
)
from thurn_account_sqlite.commands.values import NONE, read_number, read_pairs, read_size
from thurn_account_sqlite.lookup import find_account
from thurn_account_sqlite.settings import SqliteSettings
from thurn_account_sqlite.stored import Stored

_quota = click.option(
    "--quota",
    callback=read_size,
    metavar="SIZE",
    help='How much mail the account may store, such as 2GiB, or "none".',
)
_quota_messages = click.option(
    "--quota-messages",
    callback=read_number,
    metavar="NUMBER",
    help='How many messages the account may store, or "none".',
)
_display_name = click.option("--display-name", help="The name of the account's owner.")
_services = click.option(
    "--service", "services", multiple=True, help='A protocol that the account may use, or "all".'
)
_store = click.option(
    "--store",
    metavar="INSTANCE",
    help='The store that keeps the mail; "default" for the site\'s.',
)
_attributes = click.option(
    "--attribute",
    "attributes",
    multiple=True,
    callback=read_pairs,
    metavar="KEY=VALUE",
    help="A value for other plugins; an empty VALUE removes it.",
)
_hash = click.option(
    "--hash",
    "hashed",
    is_flag=True,
    help="Read a hash ({SCHEME}… or a crypt string) from the standard input, not a password.",
)
_generate = click.option("--generate", is_flag=True, help="Make a random password, and show it.")


@click.group()
def account() -> None:
    """Accounts in a database.

    NAME is an account's login name or any of its addresses. Passwords are read from a prompt, or
    from the first line of the standard input.
    """


account.add_command(app_password)
account.add_command(import_)


@account.command(
    epilog=examples(
        "thurn account add alice",
        "thurn account add bob --address bob@example.org --address robert@example.org --quota 2GiB",
        "pass show mail/carol | thurn account add carol --if-missing",
    )
)
@click.argument("name")
@click.option(
    "--address", "addresses", multiple=True, help="An own address; name the primary one first."
)
@click.option("--no-address", is_flag=True, help="Give the account no address.")
@_display_name
@_quota
@_quota_messages
@_services
@click.option("--group", "groups", multiple=True, help="A group of the account.")
@_store
@_attributes
@click.option(
    "--disabled", is_flag=True, help="Forbid logins; mail for the account is still delivered."
)
@click.option("--no-password", is_flag=True, help="Give the account no main password.")
@_generate
@_hash
@click.option("--id", "identifier", help="The id that the account's mail is stored under already.")
@click.option("--if-missing", is_flag=True, help="Do nothing if there is such an account.")
@common_options
@site_command("account")
async def add(
    site: CommandSite,
    name: str,
    instance: str | None,
    as_json: bool,
    **given: Any,  # noqa: ANN401 - the options
) -> None:
    """Add an account.

    Without --address its address is NAME itself, or NAME at the site's domain if there is one only.
    """
    check_store(site, given["store"])
    accounts = find_accounts(site, instance)
    existing = await read(accounts, lambda c: find_account(c, name))
    if existing is not None and given["if_missing"]:
        say(f"{name} exists already", {"name": name, "changed": False}, as_json=as_json)
        return
    stored, shown = None, None
    if not given["no_password"] and existing is None:  # nobody types a password to be refused then
        stored, shown = await _new_password(accounts.settings, given)

    def work(change: Change) -> str:
        addresses = () if given["no_address"] else given["addresses"] or _default(change, name)
        new = _edited(Properties(name, enabled=not given["disabled"]), given)
        new = replace(new, groups=frozenset(given["groups"]))
        number, identifier = add_account(change, new, addresses, given["identifier"])
        if stored is not None:
            set_main(change, (number, identifier, name), stored)
        return identifier

    identifier = await change(accounts, work)
    entry = {"name": name, "id": identifier, "changed": True}
    _say_with_password(f"{name} is added", entry, shown, as_json)


@account.command("set")
@click.argument("name")
@click.option("--name", "new_name", metavar="NAME", help="The new login name.")
@click.option("--enable/--disable", "enabled", default=None, help="Permit or forbid logins.")
@_display_name
@_quota
@_quota_messages
@_services
@click.option("--add-group", multiple=True, metavar="GROUP", help="Add the account to a group.")
@click.option(
    "--remove-group", multiple=True, metavar="GROUP", help="Remove the account from a group."
)
@_store
@_attributes
@click.option("--add-address", multiple=True, metavar="ADDRESS", help="Add an own address.")
@click.option("--remove-address", multiple=True, metavar="ADDRESS", help="Remove an own address.")
@click.option("--primary", metavar="ADDRESS", help="Make an own address the primary one.")
@click.option(
    "--send-as", multiple=True, metavar="ADDRESS", help="Let it send as this address, or @domain."
)
@click.option("--no-send-as", multiple=True, metavar="ADDRESS", help="End such a grant.")
@click.option(
    "--act-as", multiple=True, metavar="ACCOUNT", help="Let it log in as this account; '*' for all."
)
@click.option("--no-act-as", multiple=True, metavar="ACCOUNT", help="End such a grant.")
@common_options
@site_command("account")
async def set_(
    site: CommandSite,
    name: str,
    instance: str | None,
    as_json: bool,
    **given: Any,  # noqa: ANN401 - the options
) -> None:
    """Change an account; properties that are not named stay as they are."""
    check_store(site, given["store"])

    def work(change: Change) -> tuple[str, bool]:
        number, account, shown = owner = owner_of(change, name)
        new = _edited(read_properties(change, number), given)
        if given["new_name"] is not None:
            new = replace(new, name=given["new_name"])
        if given["enabled"] is not None:
            new = replace(new, enabled=given["enabled"])
        groups = (new.groups | {*given["add_group"]}) - {*given["remove_group"]}
        changed = set_account(change, number, account, replace(new, groups=groups))
        return shown, _set_addresses(change, owner, given) or changed

    shown, changed = await change(find_accounts(site, instance), work)
    text = f"{shown} is changed" if changed else f"nothing had to be changed for {shown}"
    say(text, {"name": shown, "changed": changed}, as_json=as_json)


@account.command("list")
@click.option("--domain", "domain_name", help="Only accounts with an address at this domain.")
@click.option("--group", help="Only accounts in this group.")
@common_options
@site_command("account")
async def list_(
    site: CommandSite,
    domain_name: str | None,
    group: str | None,
    instance: str | None,
    as_json: bool,
) -> None:
    """List the accounts."""
    accounts = find_accounts(site, instance)
    entries = await read(
        accounts,
        lambda c: listing.accounts(
            c, None if domain_name is None else own_domain(c, domain_name), group
        ),
    )
    if as_json:
        print_json(entries)
        return
    rows = [
        (e["name"], e["addresses"], e["display_name"], e["enabled"], size(e["quota_octets"]))
        for e in entries
    ]
    print_table(("name", "addresses", "display name", "enabled", "quota"), rows)


@account.command()
@click.argument("name")
@common_options
@site_command("account")
async def show(site: CommandSite, name: str, instance: str | None, as_json: bool) -> None:
    """Show everything about an account except secrets."""
    accounts = find_accounts(site, instance)
    entry = await read(accounts, lambda c: listing.account(c, known_account(c, name)[0]))
    if as_json:
        print_json(entry)
        return
    entry["quota"] = size(entry.pop("quota_octets"))
    entry["services"] = "all" if entry["services"] is None else entry["services"]
    entry["credentials"] = [credential["label"] for credential in entry["credentials"]]
    print_facts({key.replace("_", " "): value for key, value in entry.items()})


@account.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--if-exists", is_flag=True, help="Do nothing if there is no such account.")
@common_options
@site_command("account")
async def delete(
    site: CommandSite,
    name: str,
    yes: bool,
    if_exists: bool,
    instance: str | None,
    as_json: bool,
) -> None:
    """Delete an account and its addresses. Its mail stays in the store, out of reach."""
    accounts = find_accounts(site, instance)
    if if_exists and await read(accounts, lambda c: find_account(c, name)) is None:
        say(f"there is no account {name}", {"name": name, "changed": False}, as_json=as_json)
        return
    confirm(f"Delete the account {name}?", yes=yes)
    shown, aliases = await change(accounts, lambda c: delete_account(c, name))
    text = f"{shown} is deleted" + (
        f", and the aliases that led to it alone: {', '.join(aliases)}" if aliases else ""
    )
    say(text, {"name": shown, "aliases": aliases, "changed": True}, as_json=as_json)


@account.command()
@click.argument("name")
@click.option("--remove", is_flag=True, help="Remove the main password.")
@_generate
@_hash
@common_options
@site_command("account")
async def passwd(
    site: CommandSite,
    name: str,
    instance: str | None,
    as_json: bool,
    **given: Any,  # noqa: ANN401 - the options
) -> None:
    """Set the main password; app passwords stay."""
    accounts = find_accounts(site, instance)
    await read(accounts, lambda c: known_account(c, name))  # before anybody types a password
    if given["remove"]:
        removed = await change(accounts, lambda c: remove_main(c, owner_of(c, name)))
        text = f"{name} has no main password now"
        say(text, {"name": name, "changed": removed}, as_json=as_json)
        return
    stored, shown = await _new_password(accounts.settings, given)
    await change(accounts, lambda c: set_main(c, owner_of(c, name), stored))
    if accounts.settings.scram and not stored.keys and not given["hashed"]:
        click.echo(
            "SCRAM cannot be used with this password: it has characters without a SASLprep form",
            err=True,
        )
    entry = {"name": name, "changed": True}
    _say_with_password(f"the password of {name} is set", entry, shown, as_json)


@account.command()
@click.argument("name", required=False)
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@common_options
@site_command("account")
async def history(
    site: CommandSite, name: str | None, limit: int, instance: str | None, as_json: bool
) -> None:
    """Show who changed what, and when: for an account (name or id), an alias, a domain, or all."""
    lines = await read(find_accounts(site, instance), lambda c: listing.history(c, name, limit))
    if as_json:
        print_json(lines)
        return
    rows = [
        (
            e["at"],
            e["who"],
            e["action"],
            e["subject"],
            e["account_name"] or e["account"],
            change_facts(e["action"], e["facts"]),
        )
        for e in lines
    ]
    print_table(("at", "who", "action", "subject", "account", "facts"), rows)


def _default(change: Change, name: str) -> tuple[str, ...]:
    """The address of a new account for which no address is given."""
    if "@" in name:
        return (name,)
    domains = change.rows("SELECT name FROM domain LIMIT 2")
    if not domains:
        raise ChangeRefused(
            "the site has no domain yet: add one with thurn domain add NAME, or use --no-address"
        )
    if len(domains) > 1:
        raise ChangeRefused("the site has several domains: use --address, or --no-address")
    return (f"{name_key(name) or name}@{domains[0][0]}",)


def _edited(old: Properties, given: dict[str, Any]) -> Properties:
    """The properties with the values of the options that `add` and `set` share."""
    new: dict[str, Any] = {}
    if given["display_name"] is not None:
        new["display_name"] = given["display_name"]
    for key, option in (("quota_octets", "quota"), ("quota_messages", "quota_messages")):
        if given[option] is not None:
            new[key] = None if given[option] == NONE else given[option]
    if given["services"]:
        services = frozenset(given["services"])
        new["services"] = None if services == {"all"} else services
    if given["store"] is not None:
        new["store"] = None if given["store"] == SITE_STORE else given["store"]
    attributes = {**old.attributes, **given["attributes"]}
    new["attributes"] = {key: value for key, value in attributes.items() if value}
    return replace(old, **new)


def _set_addresses(change: Change, owner: Owner, given: dict[str, Any]) -> bool:
    """Change addresses and grants, and return whether anything changed.

    New addresses come first, so that the last address can be exchanged.
    """
    changes = [add_address(change, owner, text) for text in given["add_address"]]
    if given["primary"] is not None:
        changes.append(make_primary(change, owner, given["primary"]))
    changes += [remove_address(change, owner, text) for text in given["remove_address"]]
    changes += [allow_sending(change, owner, text) for text in given["send_as"]]
    changes += [end_sending(change, owner, text) for text in given["no_send_as"]]
    changes += [allow_acting(change, owner, text) for text in given["act_as"]]
    changes += [end_acting(change, owner, text) for text in given["no_act_as"]]
    return any(changes)


async def _new_password(
    settings: SqliteSettings, given: dict[str, Any]
) -> tuple[Stored, str | None]:
    """The stored form of a new password, and a generated password to show (else None)."""
    if given["hashed"]:
        return read_hash(), None
    if given["generate"]:
        password = generate_password()
        return await make(password, settings), password
    return await make(read_password(settings), settings), None


def _say_with_password(
    text: str, entry: dict[str, Any], password: str | None, as_json: bool
) -> None:
    if password is not None:
        text = f"{text}\npassword: {password}"
        entry["password"] = password
    say(text, entry, as_json=as_json)
