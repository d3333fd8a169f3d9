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
    change,
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

_quota = click.option("--quota", callback=read_size, metavar="SIZE", help='2GiB, or "none".')
_quota_messages = click.option(
    "--quota-messages", callback=read_number, metavar="NUMBER", help='How many, or "none".'
)
_display_name = click.option("--display-name", help="The name of its owner.")
_services = click.option(
    "--service", "services", multiple=True, help='A protocol that it may use; all: "all".'
)
_store = click.option("--store", metavar="INSTANCE", help='Its store; the site\'s: "default".')
_attributes = click.option(
    "--attribute",
    "attributes",
    multiple=True,
    callback=read_pairs,
    metavar="KEY=VALUE",
    help="What other plugins may ask for; an empty value takes it away.",
)
_hash = click.option(
    "--hash",
    "hashed",
    is_flag=True,
    help="The standard input has a hash ({SCHEME}… or a crypt string), not a password.",
)
_generate = click.option("--generate", is_flag=True, help="Make a random password, and show it.")


@click.group()
def account() -> None:
    """Accounts in a database.

    NAME is an account's login name or any of its addresses. Passwords are asked for, or are the
    first line of the standard input.
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
@click.option("--address", "addresses", multiple=True, help="Its own; the primary one first.")
@click.option("--no-address", is_flag=True, help="It has none.")
@_display_name
@_quota
@_quota_messages
@_services
@click.option("--group", "groups", multiple=True, help="A group that it belongs to.")
@_store
@_attributes
@click.option("--disabled", is_flag=True, help="It may not log in; mail comes anyway.")
@click.option("--no-password", is_flag=True, help="It gets no main password.")
@_generate
@_hash
@click.option("--id", "identifier", help="The id that it has elsewhere, so that its mail stays.")
@click.option("--if-missing", is_flag=True, help="Nothing to do if it is there already.")
@common_options
@site_command("account")
async def add(
    site: CommandSite,
    name: str,
    instance: str | None,
    as_json: bool,
    **given: Any,  # noqa: ANN401 - the options
) -> None:
    """Make an account.

    Without --address its address is NAME itself, or NAME at the one domain that is ours.
    """
    accounts = find_accounts(site, instance)
    there = await read(accounts, lambda c: find_account(c, name))
    if there is not None and given["if_missing"]:
        say(f"{name} was there already", {"name": name, "changed": False}, as_json=as_json)
        return
    stored, shown = None, None
    if not given["no_password"] and there is None:  # else nobody need type one to be refused
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
    _told(f"{name} is added", entry, shown, as_json)


@account.command("set")
@click.argument("name")
@click.option("--name", "new_name", metavar="NAME", help="Its new login name.")
@click.option("--enable/--disable", "enabled", default=None, help="Whether it may log in.")
@_display_name
@_quota
@_quota_messages
@_services
@click.option("--add-group", multiple=True, metavar="GROUP", help="It belongs to it.")
@click.option("--remove-group", multiple=True, metavar="GROUP", help="It does not.")
@_store
@_attributes
@click.option("--add-address", multiple=True, metavar="ADDRESS", help="It is its own.")
@click.option("--remove-address", multiple=True, metavar="ADDRESS", help="It is not.")
@click.option("--primary", metavar="ADDRESS", help="The sender of its notices.")
@click.option(
    "--send-as", multiple=True, metavar="ADDRESS", help="It may send as this one, or @domain."
)
@click.option("--no-send-as", multiple=True, metavar="ADDRESS", help="It may not any more.")
@click.option(
    "--act-as", multiple=True, metavar="ACCOUNT", help="It may act as this one; all: '*'."
)
@click.option("--no-act-as", multiple=True, metavar="ACCOUNT", help="It may not any more.")
@common_options
@site_command("account")
async def set_(
    site: CommandSite,
    name: str,
    instance: str | None,
    as_json: bool,
    **given: Any,  # noqa: ANN401 - the options
) -> None:
    """Change an account; what is not named stays as it is."""

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
    text = f"{shown} is changed" if changed else f"{shown} was so already"
    say(text, {"name": shown, "changed": changed}, as_json=as_json)


@account.command("list")
@click.option("--domain", "domain_name", help="Only those with an address at this domain.")
@click.option("--group", help="Only those of this group.")
@common_options
@site_command("account")
async def list_(
    site: CommandSite,
    domain_name: str | None,
    group: str | None,
    instance: str | None,
    as_json: bool,
) -> None:
    """The accounts."""
    accounts = find_accounts(site, instance)
    found = await read(
        accounts,
        lambda c: listing.accounts(
            c, None if domain_name is None else own_domain(c, domain_name), group
        ),
    )
    if as_json:
        print_json(found)
        return
    rows = [
        (e["name"], e["addresses"], e["display_name"], e["enabled"], size(e["quota_octets"]))
        for e in found
    ]
    print_table(("name", "addresses", "display name", "enabled", "quota"), rows)


@account.command()
@click.argument("name")
@common_options
@site_command("account")
async def show(site: CommandSite, name: str, instance: str | None, as_json: bool) -> None:
    """All that is known of an account, but secrets."""
    accounts = find_accounts(site, instance)
    found = await read(accounts, lambda c: listing.account(c, known_account(c, name)[0]))
    if as_json:
        print_json(found)
        return
    found["quota"] = size(found.pop("quota_octets"))
    found["services"] = "all" if found["services"] is None else found["services"]
    found["credentials"] = [entry["label"] for entry in found["credentials"]]
    print_facts({key.replace("_", " "): value for key, value in found.items()})


@account.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--if-exists", is_flag=True, help="Nothing to do if there is none.")
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
        say(f"there is no {name}", {"name": name, "changed": False}, as_json=as_json)
        return
    confirm(f"Delete the account {name}?", yes=yes)
    shown, aliases = await change(accounts, lambda c: delete_account(c, name))
    text = f"{shown} is deleted" + (
        f", and what led to it: {', '.join(aliases)}" if aliases else ""
    )
    say(text, {"name": shown, "aliases": aliases, "changed": True}, as_json=as_json)


@account.command()
@click.argument("name")
@click.option("--remove", is_flag=True, help="It has no main password any more.")
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
    await read(accounts, lambda c: known_account(c, name))  # before anybody types
    if given["remove"]:
        gone = await change(accounts, lambda c: remove_main(c, owner_of(c, name)))
        say(f"{name} has no main password", {"name": name, "changed": gone}, as_json=as_json)
        return
    stored, shown = await _new_password(accounts.settings, given)
    await change(accounts, lambda c: set_main(c, owner_of(c, name), stored))
    if accounts.settings.scram and not stored.keys and not given["hashed"]:
        click.echo(
            "SCRAM cannot be used with it: it has characters without a SASLprep form", err=True
        )
    _told(f"the password of {name} is set", {"name": name, "changed": True}, shown, as_json)


@account.command()
@click.argument("name", required=False)
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@common_options
@site_command("account")
async def history(
    site: CommandSite, name: str | None, limit: int, instance: str | None, as_json: bool
) -> None:
    """Who changed what, and when: of an account (by name or id), an alias, a domain, or all."""
    found = await read(find_accounts(site, instance), lambda c: listing.history(c, name, limit))
    if as_json:
        print_json(found)
        return
    rows = [
        (e["at"], e["who"], e["action"], e["subject"], change_facts(e["action"], e["facts"]))
        for e in found
    ]
    print_table(("at", "who", "action", "subject", "facts"), rows)


def _default(change: Change, name: str) -> tuple[str, ...]:
    """The address of an account for which none is given."""
    if "@" in name:
        return (name,)
    domains = change.rows("SELECT name FROM domain LIMIT 2")
    if not domains:
        raise ChangeRefused("no domain is ours yet: thurn domain add NAME, or say --no-address")
    if len(domains) > 1:
        raise ChangeRefused("several domains are ours: say --address, or --no-address")
    return (f"{name_key(name) or name}@{domains[0][0]}",)


def _edited(old: Properties, given: dict[str, Any]) -> Properties:
    """The properties with what both `add` and `set` have options for."""
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
        new["store"] = None if given["store"] == "default" else given["store"]
    attributes = {**old.attributes, **given["attributes"]}
    new["attributes"] = {key: value for key, value in attributes.items() if value}
    return replace(old, **new)


def _set_addresses(change: Change, owner: Owner, given: dict[str, Any]) -> bool:
    """Addresses and grants; new addresses come first, so that the last one may be exchanged."""
    done = [add_address(change, owner, text) for text in given["add_address"]]
    if given["primary"] is not None:
        done.append(make_primary(change, owner, given["primary"]))
    done += [remove_address(change, owner, text) for text in given["remove_address"]]
    done += [allow_sending(change, owner, text) for text in given["send_as"]]
    done += [end_sending(change, owner, text) for text in given["no_send_as"]]
    done += [allow_acting(change, owner, text) for text in given["act_as"]]
    done += [end_acting(change, owner, text) for text in given["no_act_as"]]
    return any(done)


async def _new_password(
    settings: SqliteSettings, given: dict[str, Any]
) -> tuple[Stored, str | None]:
    """What is stored, and what is shown because nobody typed it."""
    if given["hashed"]:
        return read_hash(), None
    if given["generate"]:
        password = generate_password()
        return await make(password, settings), password
    return await make(read_password(settings), settings), None


def _told(text: str, entry: dict[str, Any], password: str | None, as_json: bool) -> None:
    if password is not None:
        text = f"{text}\npassword: {password}"
        entry["password"] = password
    say(text, entry, as_json=as_json)
