"""Dovecot's passwd-file."""

from __future__ import annotations

import pytest
from thurn.plugin import Address, Claim, ConfigError, Denied, Secret, Verified
from thurn_testing.contracts.account import SAMPLE

SETTINGS = {"format": "passwd", "domains": ("example.org",)}


async def test_logins(opened, hashes):
    lines = [
        f"{a.name}:{{ARGON2ID}}{hashes[a.name]}:::{a.display_name},room::" for a in SAMPLE.accounts
    ]
    text = "# accounts\r\n\n" + "\r\n".join(lines)
    async with opened(text, **SETTINGS) as (accounts, _):
        for account in SAMPLE.accounts:
            claim = Claim(account.addresses[0], Secret(account.password))
            assert await accounts.verify(claim) == Verified(account.name)
            assert await accounts.verify(Claim(account.name, Secret("x"))) == Denied()
        record = await accounts.account("alice")
        assert record.display_name == "Alice Smith"
        assert record.address == Address.parse("alice@example.org")


async def test_extra_fields(opened):
    text = (
        "alice::1000:1000::/home/a:/bin/sh:userdb_quota_rule=*:storage=5 userdb_mail=maildir:~/x\n"
        "bob:::::::userdb_quota_rule=*:bytes=2G nologin\n"
        "carol@example.org:\n"
        "dave:::::::\n"
    )
    async with opened(text, **SETTINGS) as (accounts, _):
        assert (await accounts.account("alice")).quota_octets == 5 * 1024
        assert (await accounts.account("bob")).quota_octets == 2 * 2**30
        assert not (await accounts.account("bob")).enabled
        assert (await accounts.account("carol@example.org")).enabled


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("alice:::::::allow_nets=10.0.0.0/8", "the field 'allow_nets' is not understood"),
        ("alice:::::::proxy=y", "the field 'proxy' is not understood"),
        (
            "alice:::::::userdb_quota_rule=Trash:+10%",
            r"the quota rule 'Trash:\+10%' is not understood",
        ),
        (":x", "there is no name"),
        ("bob:", "there are two accounts with the name bob"),
        ("alice:{NO}x", "the password of alice cannot be used: the scheme NO is not known"),
    ],
)
async def test_a_mistake(opened, line, expected):
    with pytest.raises(ConfigError, match=f"line 3: {expected}"):
        async with opened(f"\nbob:\n{line}\n", **SETTINGS):
            pass
