"""Passwords come from a prompt, or as the first line of the standard input; never from arguments,
which everybody on the machine can read."""

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
"""120 random bits, in 20 characters."""


def check_password(password: str, settings: SqliteSettings) -> None:
    """The password may be one.

    Raises:
        click.ClickException: what is wrong with it.
    """
    if len(password) < settings.password_characters:
        raise click.ClickException(
            f"the password has fewer than {settings.password_characters} characters: take a longer "
            "one (or set password_characters)"
        )
    if not is_credential(password, SECRET_CHARACTERS):
        raise click.ClickException(
            f"the password has control characters, or more than {SECRET_CHARACTERS} characters: no "
            "listener would accept it"
        )
    try:
        password.encode()
    except UnicodeEncodeError:
        raise click.ClickException("the password is not UTF-8: set the terminal to it") from None


def read_password(settings: SqliteSettings) -> str:
    """A new password, asked for twice on a terminal.

    Raises:
        click.ClickException: there is none, or it may be none.
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
    """A hash of another program from the standard input.

    Raises:
        click.ClickException: it is of no scheme that is known.
    """
    text = sys.stdin.readline(SECRET_CHARACTERS).strip()
    try:
        return Stored(parse_hash(text))
    except UnknownScheme as error:
        raise click.ClickException(f"this hash is {error}") from None


async def make(password: str, settings: SqliteSettings) -> Stored:
    """What is stored of a password."""
    schemes, iterations = settings.scram, settings.scram_iterations
    return await trio.to_thread.run_sync(make_stored, password, schemes, iterations)
