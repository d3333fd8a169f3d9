"""Reads and makes passwords and hashes.

Rules of this file: passwords come from a prompt or are the first line of the standard input. They
never come from arguments, which everybody on the machine can read.
"""

from __future__ import annotations

import secrets
import sys
from typing import Final

import click
import trio
from thurn.plugin import SECRET_CHARACTERS, is_credential
from thurn_kit.accounts import UnknownScheme, parse_hash

from thurn_account_sqlite.settings import SqliteSettings
from thurn_account_sqlite.stored import Stored, make_stored

GENERATED_OCTETS: Final = 15
"""Random octets of a generated password: 120 bits in 20 characters."""


def check_password(password: str, settings: SqliteSettings) -> None:
    """Check that a password can be used.

    Raises:
        click.ClickException: it is too short, too long, or has characters that cannot be used.
    """
    if len(password) < settings.password_characters:
        raise click.ClickException(
            f"the password has fewer than {settings.password_characters} characters: choose a "
            "longer one (or change password_characters)"
        )
    if not is_credential(password, SECRET_CHARACTERS):
        raise click.ClickException(
            f"the password has control characters, or more than {SECRET_CHARACTERS} characters: "
            "listeners would refuse it"
        )
    try:
        password.encode()
    except UnicodeEncodeError:
        raise click.ClickException("the password is not UTF-8: set the terminal to UTF-8") from None


def read_password(settings: SqliteSettings) -> str:
    """A new password from the standard input; a terminal is asked twice.

    Raises:
        click.ClickException: no password was given, or it cannot be used.
    """
    if sys.stdin.isatty():
        try:
            password: str = click.prompt(
                "Password", hide_input=True, confirmation_prompt=True, err=True
            )
        except click.Abort:
            raise click.ClickException("nothing was changed: no password was given") from None
    else:
        password = sys.stdin.readline(SECRET_CHARACTERS + 2).rstrip("\r\n")
    check_password(password, settings)
    return password


def generate_password() -> str:
    """A new random password."""
    return secrets.token_urlsafe(GENERATED_OCTETS)


def read_hash() -> Stored:
    """The hash that another program made, from the standard input.

    Raises:
        click.ClickException: its scheme is unknown, or it is broken.
    """
    text = sys.stdin.readline(SECRET_CHARACTERS).strip()
    try:
        return Stored(parse_hash(text))
    except UnknownScheme as error:
        raise click.ClickException(f"this hash cannot be used: {error}") from None


async def make(password: str, settings: SqliteSettings) -> Stored:
    """The stored form of a new password."""
    schemes, iterations = settings.scram, settings.scram_iterations
    return await trio.to_thread.run_sync(make_stored, password, schemes, iterations)
