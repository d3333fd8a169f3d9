"""The form of an accounts file in both syntaxes, and the error for a file with mistakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field
from thurn.plugin import Settings, Size

Place: TypeAlias = tuple[str, ...]
"""The place of a value in the file: the names of the tables and keys that lead to it."""


def _listed(value: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever TOML had
    return [value] if isinstance(value, str) else value


Texts: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""One text or a list of texts."""


class AccountTable(Settings):
    """One account."""

    password: str = Field(
        default="",
        repr=False,
        description="The hash of the password: `{SCHEME}hash` or a crypt string. "
        "Empty: no login by password here.",
    )
    addresses: Texts = Field(
        default=(),
        description="The account's own addresses, the primary one first. If not given: its name at "
        "each domain, or its name alone if that is an address.",
    )
    display_name: str = Field(default="", description="The name of the account's owner.")
    groups: Texts = Field(default=(), description="Groups that the account belongs to.")
    services: Texts | None = Field(
        default=None,
        description='Protocols that the account may use, such as ["imap"]; all if not given.',
    )
    quota: Size | None = Field(
        default=None, description="How much mail the account may store; unlimited if not given."
    )
    quota_messages: int | None = Field(
        default=None,
        ge=0,
        description="How many messages the account may store; unlimited if not given.",
    )
    enabled: bool = Field(
        default=True,
        description="Whether the account may log in; mail for it is delivered in any case.",
    )
    store: str | None = Field(
        default=None,
        description="The store instance that keeps the mail; the site's default if not given.",
    )
    stored_keys: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        description="The stored keys for mechanisms like SCRAM, by scheme, such as "
        'SCRAM-SHA-256 = "SCRAM-SHA-256$4096:salt$StoredKey:ServerKey". RFC 5803.',
    )
    attributes: dict[str, str] = Field(
        default_factory=dict, description="Further values that other plugins may ask for."
    )


class AccountsDocument(Settings):
    """A whole file."""

    domains: Texts = Field(default=(), description="The domains of the site.")
    accounts: dict[str, AccountTable] = Field(
        default_factory=dict, description="The accounts by name."
    )
    aliases: dict[str, Texts] = Field(
        default_factory=dict,
        description="Account names or addresses by alias. An alias is an address, a local part (at "
        'each domain of the site), or "@domain" for all other addresses there.',
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """A document, and a function from a place to the line where it begins (0 if unknown)."""

    document: AccountsDocument
    line: Callable[[Place], int]


class BrokenFile(Exception):
    """The file cannot be used.

    Attributes:
        findings: the mistakes, each with its line if that is known; they contain no secrets.
    """

    def __init__(self, findings: Sequence[str]) -> None:
        super().__init__("; ".join(findings))
        self.findings = list(findings)


def finding(line: int, text: str) -> str:
    """The text of a mistake, with its line before it if that is known."""
    return f"line {line}: {text}" if line else text
