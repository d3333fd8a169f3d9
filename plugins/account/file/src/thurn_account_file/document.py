"""The form of an accounts file, whichever syntax it is written in, and how it is found faulty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field
from thurn.plugin import Settings, Size

Place: TypeAlias = tuple[str, ...]
"""Where something stands: the names of tables and keys that lead to it."""


def _listed(value: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever TOML had
    return [value] if isinstance(value, str) else value


Texts: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""One text or a list of texts."""


class AccountTable(Settings):
    """One account."""

    password: str = Field(
        default="",
        repr=False,
        description="The hash; `{SCHEME}hash` or a crypt string. Empty: no login by password here.",
    )
    addresses: Texts = Field(
        default=(),
        description="Its own addresses, the primary one first. If not given: the account's name, "
        "at each domain that is ours unless it is an address itself.",
    )
    display_name: str = Field(default="", description="The name of its owner.")
    groups: Texts = Field(default=(), description="Groups that it belongs to.")
    services: Texts | None = Field(
        default=None, description='Protocols that it may use, such as ["imap"]; all if not given.'
    )
    quota: Size | None = Field(default=None, description="How much it may store.")
    quota_messages: int | None = Field(
        default=None, ge=0, description="How many messages it may store."
    )
    enabled: bool = Field(default=True, description="Whether it may log in; mail comes anyway.")
    store: str | None = Field(
        default=None, description="The store instance; the site's default if not given."
    )
    stored_keys: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        description="For mechanisms like SCRAM: what is stored, by scheme, such as "
        'SCRAM-SHA-256 = "SCRAM-SHA-256$4096:salt$StoredKey:ServerKey". RFC 5803.',
    )
    attributes: dict[str, str] = Field(
        default_factory=dict, description="Anything else that other plugins may ask for."
    )


class AccountsDocument(Settings):
    """A whole file."""

    domains: Texts = Field(default=(), description="Domains that are ours.")
    accounts: dict[str, AccountTable] = Field(
        default_factory=dict, description="The accounts by name."
    )
    aliases: dict[str, Texts] = Field(
        default_factory=dict,
        description="Account names or addresses by alias: an address, a local part (at each "
        'domain that is ours), or "@domain" for all else at that domain.',
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """A document, and the line in which a place of it begins (0: not known)."""

    document: AccountsDocument
    line: Callable[[Place], int]


class BrokenFile(Exception):
    """The file cannot be used.

    Attributes:
        findings: what is wrong, each with its line where it is known; no secrets.
    """

    def __init__(self, findings: Sequence[str]) -> None:
        super().__init__("; ".join(findings))
        self.findings = list(findings)


def finding(line: int, text: str) -> str:
    """What is wrong, with its line in front."""
    return f"line {line}: {text}" if line else text
