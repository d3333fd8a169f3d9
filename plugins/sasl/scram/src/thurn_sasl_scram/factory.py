"""The plugin `sasl.scram`: its settings, and the secret from which fake keys are derived."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal, TypeAlias

import trio
from pydantic import Field
from thurn.plugin import ConfigError, Context, SaslProduct, Settings, plugin
from thurn_kit.exclusive import exclusive
from thurn_message.address import AddressError, parse_domain

from thurn_sasl_scram.mechanism import PLUS, ScramMechanism
from thurn_sasl_scram.storedkey import Faker

SECRET_OCTETS: Final = 32
"""Length of the site's secret in octets: nobody can guess it."""

Name: TypeAlias = Literal["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"]


class ScramSettings(Settings):
    """Settings of `sasl.scram`."""

    mechanisms: tuple[Name, ...] = Field(
        default=("SCRAM-SHA-256",),
        min_length=1,
        description="The mechanisms offered, best first; -PLUS is offered only if the channel can "
        "be bound. Name only those for which accounts have stored keys: a client uses the best "
        "that it knows.",
    )
    iterations: int = Field(
        default=10_000,
        ge=4096,
        le=999_999_999,
        description="The iterations shown for unknown names; set it to the number that the "
        "accounts use.",
    )
    domains: tuple[str, ...] = Field(
        default=(),
        description="Domains that may be left out at login, so that an unknown name looks the same "
        "with and without them.",
    )


@plugin("sasl", "scram")
@asynccontextmanager
async def scram(config: ScramSettings, context: Context) -> AsyncIterator[SaslProduct]:
    """The mechanisms that the settings name."""
    try:
        domains = frozenset(parse_domain(domain) for domain in config.domains)
    except AddressError as error:
        place = context.source("domains")
        raise ConfigError([f"{place}: a text is not a domain: {error.reason}"]) from error
    secret = await trio.to_thread.run_sync(keep_secret, context.data)
    faker = Faker(secret, config.iterations, domains)
    names = dict.fromkeys(config.mechanisms)
    yield SaslProduct(
        tuple(
            ScramMechanism(name, faker, plus_offered=name.removesuffix(PLUS) + PLUS in names)
            for name in names
        )
    )


def keep_secret(directory: Path) -> bytes:
    """The secret in a directory; the first worker makes it, and all others read it.

    Raises:
        ConfigError: the file with the secret is damaged.
    """
    path = directory / "secret"
    with exclusive(directory):
        if not path.exists():
            fresh = directory / "secret.new"
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(SECRET_OCTETS))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        secret = path.read_bytes()
    if len(secret) != SECRET_OCTETS:
        raise ConfigError([f"{path} is damaged: remove it, and the next start makes a new one"])
    return secret
