"""Schemes of main passwords: hashes of other programs, and new ones."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from passlib import hash as schemes
from thurn_kit.accounts import NOBODY, UnknownScheme, hash_password, parse_hash, usual_hash

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
def test_hashes_of_old_schemes_are_read(scheme, maker):
    stored = parse_hash(scheme + maker.hash("pässword"))
    assert stored.matches("pässword")
    assert not stored.matches("passwort")
    assert not stored.matches("x" * 4096)
    assert not stored.is_current


def test_a_new_hash_is_argon2id():
    stored = hash_password("pässword")
    assert stored == parse_hash(stored.value)
    assert stored.value.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert stored.is_current
    assert stored.matches("pässword")
    assert not stored.matches("passwort")
    assert stored.value not in repr(stored)
    assert not parse_hash(stored.value.replace("t=2", "t=1")).is_current


@pytest.mark.parametrize(
    ("cost", "current"),
    [
        ("m=19456,t=2,p=1", True), ("m=65536,t=3,p=4", True), ("m=47104,t=1,p=1", True),
        ("m=19456,t=1,p=1", False), ("m=12288,t=9,p=1", False), ("m=8,t=1,p=1", False),
    ],
)  # fmt: skip
def test_a_stronger_hash_is_not_replaced_by_a_weaker_one(cost, current):
    text = hash_password("x").value.replace("m=19456,t=2,p=1", cost)
    assert parse_hash(text).is_current == current
    assert not parse_hash(text.replace("argon2id", "argon2i")).is_current


@pytest.mark.parametrize(("scheme", "maker"), [*MADE, ("", None)])
def test_a_decoy_costs_the_same_and_matches_no_password(scheme, maker):
    if maker is None:
        text = PasswordHasher(time_cost=3, memory_cost=64, parallelism=1).hash("pässword")
    else:
        text = scheme + maker.hash("pässword")
    real = parse_hash(text)
    decoy = real.decoy()
    assert (decoy.scheme, decoy.kind) == (real.scheme, real.kind)
    assert decoy.value != real.value
    assert not decoy.matches("pässword")
    assert usual_hash([hash_password("x"), real, decoy]).kind == real.kind
    assert hash_password("x").decoy() == NOBODY == usual_hash([])
    assert not NOBODY.matches("x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "{}",
        "{NO}x",
        "{PLAIN}x",
        "{SSHA}",
        "{SSHA}??",
        "{BLF-CRYPT}$2b$",
        "$7$abc",
        "$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$AAAA",
        "$argon2id$v=19$m=8,t=999,p=1$c29tZXNhbHQ$AAAA",
        "$argon2id$v=19$m=1",
        "{ARGON2ID}x",
        "$argon2d$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAA",
        "{SSHA}" + "\0" * 20,
        "{" + "A" * 1000 + "}x",
    ],
)
def test_texts_that_are_not_hashes(text):
    with pytest.raises(UnknownScheme):
        parse_hash(text)
