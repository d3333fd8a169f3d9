"""Reads the TOML form of `account.file`."""

from __future__ import annotations

import tomllib
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BeforeValidator, Field, ValidationError
from thurn.plugin import Settings, Size
from thurn_kit.accounts import UnknownScheme, name_key
from thurn_kit.scram import scheme_of

from thurn_account_sqlite.changes.account import Properties
from thurn_account_sqlite.imports.document import (
    BrokenImport,
    Import,
    ImportedAccount,
    read_password,
)

_FIELDS: Final = {"quota": "quota_octets"}
_OTHERS: Final = frozenset({"password", "addresses", "stored_keys"})
"""Keys of an account's table that are not properties."""


def _listed(value: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever TOML had
    return [value] if isinstance(value, str) else value


Texts: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""One text or a list of texts."""


class AccountTable(Settings):
    """One account, in the form of `account.file`."""

    password: str = Field(
        default="",
        repr=False,
        description="The hash, or {PLAIN} and the password; empty for no password.",
    )
    addresses: Texts = Field(
        default=(), description="Own addresses; the name at each domain if the key is missing."
    )
    display_name: str = Field(default="", description="The name of the account's owner.")
    groups: Texts = Field(default=(), description="Groups that the account belongs to.")
    services: Texts | None = Field(default=None, description="Protocols that it may use.")
    quota: Size | None = Field(default=None, description="How much mail it may store.")
    quota_messages: int | None = Field(
        default=None, ge=0, description="How many messages it may store."
    )
    enabled: bool = Field(default=True, description="Whether it may log in.")
    store: str | None = Field(default=None, description="The store instance.")
    stored_keys: dict[str, str] = Field(
        default_factory=dict, repr=False, description="Stored keys for SCRAM by scheme (RFC 5803)."
    )
    attributes: dict[str, str] = Field(
        default_factory=dict, description="Further values for other plugins."
    )


class AccountsDocument(Settings):
    """A whole file, in the form of `account.file`."""

    domains: Texts = Field(default=(), description="The domains of the site.")
    accounts: dict[str, AccountTable] = Field(
        default_factory=dict, description="The accounts by name."
    )
    aliases: dict[str, Texts] = Field(
        default_factory=dict,
        description="Targets by alias: an address, a local part (at each domain), or @domain.",
    )


def read_toml(text: str) -> Import:
    """The accounts, aliases and domains in a text.

    Raises:
        BrokenImport: the text is not TOML, or has unknown keys or wrong values.
    """
    try:
        document = AccountsDocument.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BrokenImport([str(error)]) from None
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        raise BrokenImport(
            [f"{'.'.join(str(part) for part in d['loc'])}: {d['msg']}" for d in details]
        ) from None
    findings: list[str] = []
    accounts: list[ImportedAccount] = []
    for name, table in document.accounts.items():
        try:
            accounts.append(_account(name, table))
        except UnknownScheme as error:
            findings.append(f"accounts.{name}.password cannot be used: {error}")
        except ValueError as error:
            findings.append(f"accounts.{name}.{error}")
    if findings:
        raise BrokenImport(findings)
    return Import(document.domains, tuple(accounts), document.aliases)


def _account(name: str, table: AccountTable) -> ImportedAccount:
    for scheme, text in table.stored_keys.items():
        if scheme_of(text) != scheme:
            raise ValueError(f"stored_keys.{scheme} does not have the form of RFC 5803")
    if table.stored_keys and not table.password:
        raise ValueError("stored_keys cannot be kept without a password: add one")
    password, clear = read_password(table.password)
    properties = Properties(
        name=name,
        display_name=table.display_name,
        enabled=table.enabled,
        services=None if table.services is None else frozenset(table.services),
        groups=frozenset(table.groups),
        quota_octets=table.quota,
        quota_messages=table.quota_messages,
        store=table.store,
        attributes=table.attributes,
    )
    return ImportedAccount(
        place=f"accounts.{name}",
        properties=properties,
        given=frozenset(_FIELDS.get(key, key) for key in table.model_fields_set - _OTHERS),
        addresses=table.addresses if "addresses" in table.model_fields_set else None,
        identifier=name_key(name),
        password=password,
        clear=clear,
        stored_keys=table.stored_keys,
    )
