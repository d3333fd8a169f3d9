"""Schemes of main passwords: what other programs made, and what is new."""

from __future__ import annotations

import pytest
from passlib import hash as schemes
from thurn.plugin.accounts import UnknownScheme, hash_password, parse_hash

MADE = [
    ("{SHA512-CRYPT}", schemes.sha512_crypt.using(rounds=1000)),
    ("{sha256-crypt}", schemes.sha256_crypt.using(rounds=1000)),
    ("{CRYPT}", schemes.sha512_crypt.using(rounds=1000)),
    ("", schemes.md5_crypt),
    ("{BLF-CRYPT}", schemes.bcrypt.using(rounds=4)),
    ("", schemes.bcrypt.using(rounds=4)),
    ("{CRYPT}", schemes.des_crypt),
    ("", schemes.ldap_salted_sha1),
    ("", schemes.ldap_salted_sha256),
    ("", schemes.ldap_salted_sha512),
    ("", schemes.ldap_salted_md5),
    ("", schemes.ldap_sha1),
]


@pytest.mark.parametrize(("scheme", "maker"), MADE)
def test_an_old_scheme(scheme, maker):
    stored = parse_hash(scheme + maker.hash("pässword"))
    assert stored.matches("pässword")
    assert not stored.matches("passwort")
    assert not stored.matches("x" * 4096)
    assert not stored.is_current


def test_a_new_hash():
    stored = hash_password("pässword")
    assert stored == parse_hash(stored.value)
    assert stored.value.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert stored.is_current
    assert stored.matches("pässword")
    assert not stored.matches("passwort")
    assert stored.value not in repr(stored)
    assert not parse_hash(stored.value.replace("t=2", "t=1")).is_current


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "{}", "{NO}x", "{PLAIN}x", "{SSHA}", "{SSHA}??", "{BLF-CRYPT}$2b$", "$7$abc",
        "$argon2id$v=19$m=1", "{ARGON2ID}x", "$argon2d$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAA",
        "{SSHA}" + "\0" * 20, "{" + "A" * 1000 + "}x",
    ],
)  # fmt: skip
def test_what_is_no_hash(text):
    with pytest.raises(UnknownScheme):
        parse_hash(text)
