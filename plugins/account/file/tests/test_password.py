"""Schemes of stored passwords, and what a login costs.

RFC 9106 §4 (Argon2).
"""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
import trio
import trio.lowlevel
from passlib import hash as schemes
from thurn.plugin import Claim, Denied, Secret, Verified
from thurn_kit.accounts import PasswordHash, UnknownScheme, hash_password, parse_hash

# Hashes of "pass", made by openssl passwd, libcrypt and hashlib.
FOREIGN = [
    (
        "$6$saltsalt$KN.twvCyfwE67paW76hS2/bacYkY9PxIhxqYG9vL5bZmIwWBGDJ6mu4HlCosKUBfQwVXKXxXVXPcqdwd1Ip"
        "0X/"
    ),
    "{SHA256-CRYPT}$5$saltsalt$9k0iflfLhuazVMAUTm0egnVlpP5ays5xBLqSJuoPfB9",
    "$1$saltsalt$hZR.9zfJXcVTsa9iTxnQR1",
    "{BLF-CRYPT}$2b$04$abcdefghijklmnopqrstuufznL8bkzdtHwLhca4To/v9Lo9bA7fR6",
    "{CRYPT}abccBcrPOxnLU",
    "{SSHA}Y0inhK117YaH0DaKasW4ha+ijnxzYWx0c2FsdA==",
    (
        "{SSHA512}S+zd8+eSDAEv3JeQJhxX+ymc6ZBTMpU71JRn1ccmuhf/+Ua0YIaQkJI8FwQDcV7ooqulMYdCw6BIZ3UVYIQqk"
        "HNhbHRzYWx0"
    ),
]


@pytest.mark.parametrize("text", FOREIGN)
def test_hashes_made_by_other_programs(text):
    stored = parse_hash(text, allow_plain=False)
    assert stored.matches("pass")
    assert not stored.matches("Pass")


def test_new_hashes_are_argon2id_with_two_passes():
    text = hash_password("pass").value
    assert text.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert text != hash_password("pass").value
    stored = parse_hash(text, allow_plain=False)
    assert stored.matches("pass")
    assert not stored.matches("Pass")
    assert text not in repr(stored)


@pytest.mark.parametrize(
    ("scheme", "maker", "options"),
    [
        ("{SHA512-CRYPT}", "sha512_crypt", {"rounds": 1000}),
        ("{sha256-crypt}", "sha256_crypt", {"rounds": 1000}),
        ("{CRYPT}", "sha512_crypt", {"rounds": 1000}),
        ("", "sha512_crypt", {"rounds": 1000}),
        ("{MD5-CRYPT}", "md5_crypt", {}),
        ("", "md5_crypt", {}),
        ("{BLF-CRYPT}", "bcrypt", {"rounds": 4}),
        ("", "bcrypt", {"rounds": 4}),
        ("{CRYPT}", "des_crypt", {}),
        ("", "ldap_salted_sha1", {}),
        ("", "ldap_salted_sha256", {}),
        ("", "ldap_salted_sha512", {}),
        ("", "ldap_salted_md5", {}),
        ("", "ldap_sha1", {}),
        ("{LDAP-MD5}", "ldap_md5", {}),
        ("{ARGON2ID}", None, {}),
        ("{PLAIN}", "plain", {}),
    ],
)
def test_each_scheme_is_read(scheme, maker, options):
    if maker is None:
        value = hash_password("pässword").value
    elif maker == "plain":
        value = "pässword"
    else:
        value = getattr(schemes, maker).using(**options).hash("pässword")
    if maker == "ldap_md5":
        value = value.removeprefix("{MD5}")
    stored = parse_hash(scheme + value, allow_plain=True)
    assert stored.matches("pässword")
    assert not stored.matches("passwort")
    assert not stored.matches("x" * 4096)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "{}",
        "{NO}x",
        "{PLAIN}",
        "{SSHA}",
        "{SSHA}??",
        "{BLF-CRYPT}$2b$",
        "$7$abc",
        "{SHA512-CRYPT}$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
        "$argon2id$v=19$m=1",
        "{ARGON2ID}x",
        "$argon2d$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAA",
        "{SSHA}" + "\0" * 20,
        "{" + "A" * 1000 + "}x",
    ],
)
def test_broken_hashes_are_refused_when_read(text):
    with pytest.raises(UnknownScheme):
        parse_hash(text, allow_plain=True)


def test_bcrypt_uses_72_octets():
    stored = parse_hash(schemes.bcrypt.using(rounds=4).hash(b"x" * 72), allow_plain=False)
    assert stored.matches("x" * 100)
    assert not stored.matches("x" * 71)


async def test_two_hashes_at_a_time(opened, monkeypatch):
    running, most, lock = 0, 0, threading.Lock()
    pair = threading.Barrier(2, timeout=10)  # broken if the hashes run one by one

    def matches(self, password):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        pair.wait()
        with lock:
            running -= 1
        return True

    monkeypatch.setattr(PasswordHash, "matches", matches)
    text = 'domains = ["example.org"]\n[accounts.alice]\npassword = "{PLAIN}x"\n'
    async with opened(text, allow_plain=True) as (accounts, _), trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(accounts.verify, Claim("alice", Secret("x")))
    assert most == 2


async def test_the_loop_goes_on_while_a_password_is_checked(opened, hashes):
    text = f'domains = ["a.example"]\n[accounts.alice]\npassword = "{hashes["alice"]}"\n'
    async with opened(text) as (accounts, _), trio.open_nursery() as nursery:
        turns = 0

        async def turn():
            nonlocal turns
            while True:
                await trio.lowlevel.checkpoint()
                turns += 1

        nursery.start_soon(turn)
        secret = Secret("correct horse battery staple")
        assert isinstance(await accounts.verify(Claim("alice", secret)), Verified)
        nursery.cancel_scope.cancel()
    assert turns > 20


@pytest.mark.slow
def test_libraries_are_imported_when_they_are_needed():
    code = (
        "import sys, thurn_account_file.factory;"
        "from thurn_kit.accounts import parse_hash;"
        "parse_hash('$argon2id$v=19$m=19456,t=2,p=1$YWJj$YWJj', allow_plain=False);"
        "assert not {'argon2', 'passlib', 'bcrypt'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_an_unknown_name_costs_what_most_accounts_cost(opened, monkeypatch):
    checked = []
    real = PasswordHash.matches

    def matches(self, password):
        checked.append(self.kind)
        return real(self, password)

    monkeypatch.setattr(PasswordHash, "matches", matches)
    old = schemes.sha512_crypt.using(rounds=1000).hash("pass")
    key = "SCRAM-SHA-256$4096:QUJDRA==$QUJDRA==:QUJDRA=="
    text = (
        f'domains = ["d.example"]\n[accounts.ann]\npassword = "{old}"\n'
        f'[accounts.keyed]\nstored_keys = {{SCRAM-SHA-256 = "{key}"}}\n'
    )
    async with opened(text) as (accounts, _):
        assert await accounts.verify(Claim("ann", Secret("wrong"))) == Denied()
        assert await accounts.verify(Claim("keyed", Secret("wrong"))) == Denied()
        await accounts.verify_nobody(Claim("nobody", Secret("wrong")))
        assert checked == ["SHA512-CRYPT 1000"] * 3
        await accounts.verify_nobody(Claim("nobody", Secret("wrong"), "oauth2"))
        assert len(checked) == 3
