"""Imports: forms, mistakes, all or nothing."""

from __future__ import annotations

import json

import pytest
import trio
from thurn.plugin import Address, Alias, Claim, Denied, Local, Secret, Verified
from thurn_account_sqlite.commands.account import account
from thurn_account_sqlite.commands.alias import alias
from thurn_account_sqlite.commands.domain import domain
from thurn_testing.contracts.account import check_directory, check_verifier
from thurn_testing.contracts.storedkey import check_stored_keys

SSHA = "{SSHA}Y0inhK117YaH0DaKasW4ha+ijnxzYWx0c2FsdA=="  # "pass"
GOOD_KEY = "SCRAM-SHA-256$4096:QUJDRA==$QUJDRA==:QUJDRA=="
KEY = "SCRAM-SHA-256$4096:c2FsdHNhbHQ=$aa==:bb=="


@pytest.fixture
def load(thurn, tmp_path):
    """`load("csv", text, "--update")`."""

    def load(suffix, text, *words, fails=False):
        path = tmp_path / f"people.{suffix}"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return thurn(account, "import", str(path), *words, fails=fails)

    return load


@pytest.fixture
def ask(opened):
    def ask(function):
        async def main():
            async with opened() as (accounts, _):
                return await function(accounts)

        return trio.run(main)

    return ask


def login(ask, name, secret):
    return ask(lambda accounts: accounts.verify(Claim(name, Secret(secret), service="imap")))


def test_toml_of_account_file(load, ask, thurn, stored):
    def table(name, addresses, more):
        text = stored[name]
        keys = ", ".join(f'{scheme} = "{value}"' for scheme, value in text.keys.items())
        return (
            f'[accounts.{name}]\npassword = "{text.password.value}"\naddresses = {addresses}\n'
            f"stored_keys = {{{keys}}}\n{more}\n"
        )

    text = (
        'domains = ["example.org", "example.net"]\n'
        + table(
            "alice",
            ["alice@example.org", "a.smith@example.org"],
            'display_name = "Alice Smith"\ngroups = ["staff", "board"]\nquota = "1GiB"',
        )
        + table("bob", ["bob@example.org", "bob@example.net"], 'services = "imap"')
        + table("carol", ["carol@example.org"], "enabled = false")
        + '[aliases]\n"info@example.org" = ["alice@example.org", "bob@example.org", '
        '"info@elsewhere.example"]\n'
        '"sales@example.org" = "bob@example.org"\n"shop@example.net" = "sales@example.org"\n'
    )
    assert load("toml", text, "--dry-run").startswith("accounts: 3 added, 0 changed, 0 skipped")
    assert thurn(domain, "list").splitlines()[1:] == ["The list is empty."]
    assert load("toml", text) == (
        "accounts: 3 added, 0 changed, 0 skipped; aliases: 3; domains: 2\n"
    )

    async def judge(accounts):
        await check_verifier(accounts)
        await check_directory(accounts)
        await check_stored_keys(accounts, "SCRAM-SHA-256")
        found = await accounts.resolve(Address.parse("alice@example.org"))
        assert found == Local("alice")  # its mail stays its own

    ask(judge)
    assert "0 added, 0 changed, 3 skipped; aliases: 0; domains: 0" in load("toml", text)


def test_names_at_each_domain(load, ask, thurn):
    text = '[accounts.alice]\n[accounts."bob@example.net"]\n[aliases]\nroot = "alice"\n'
    load("toml", text, "--domain", "example.org", "--domain", "example.net")
    found = json.loads(thurn(account, "list", "--json"))
    assert [entry["addresses"] for entry in found] == [
        ["alice@example.org", "alice@example.net"],
        ["bob@example.net"],
    ]
    means = ask(lambda accounts: accounts.resolve(Address.parse("root@example.net")))
    assert means == Alias((Address.parse("alice@example.org"),))
    assert len(json.loads(thurn(alias, "list", "--json"))) == 2


def test_passwd(load, ask, thurn):
    text = (
        f"# people\r\nalice:{SSHA}:1:1:Alice Smith,x:/:/bin/sh:userdb_quota_rule=*:storage=5\r\n"
        "bob:::::::userdb_quota_rule=*:bytes=2G nologin\n\ncarol:{PLAIN}in the clear\n"
    )
    load("passwd", text, "--domain", "example.org")
    alice, bob, carol = json.loads(thurn(account, "list", "--json"))
    assert (alice["id"], alice["display_name"], alice["quota_octets"]) == (
        "alice",
        "Alice Smith",
        5 * 1024,
    )
    assert (bob["enabled"], bob["quota_octets"]) == (False, 2 * 2**30)
    assert carol["addresses"] == ["carol@example.org"]
    assert login(ask, "alice", "pass") == Verified("alice")
    assert login(ask, "carol", "in the clear") == Verified("carol")


def test_csv(load, ask, thurn):
    text = (
        "\ufeffname,password,addresses,groups,services,quota,enabled,display_name\r\n"
        'alice,"{PLAIN}pass, word",alice@example.org a@example.org,staff board,imap pop3,2GiB,yes,'
        '"Smith, Alice"\r\n'
        f"bob,{SSHA},,,,,no,\r\n"
    )
    load("csv", text, "--domain", "example.org")
    alice, bob = json.loads(thurn(account, "list", "--json"))
    assert alice["addresses"] == ["alice@example.org", "a@example.org"]
    assert (alice["groups"], alice["services"]) == (["board", "staff"], ["imap", "pop3"])
    assert (alice["display_name"], alice["quota_octets"]) == ("Smith, Alice", 2 * 2**30)
    assert len(alice["id"]) == 20
    assert (bob["enabled"], bob["services"]) == (False, None)
    assert login(ask, "a@example.org", "pass, word") == Verified(alice["id"])


def test_new_ids(load, thurn):
    load("toml", '[accounts.alice]\npassword = ""\n', "--domain", "example.org", "--new-ids")
    (alice,) = json.loads(thurn(account, "list", "--json"))
    assert len(alice["id"]) == 20


def test_update(load, ask, thurn):
    first = "name,password,display_name\nalice,{PLAIN}one one,A\nbob,{PLAIN}two two,B\n"
    load("csv", first, "--domain", "example.org")
    before = json.loads(thurn(account, "list", "--json"))
    thurn(account, "set", "alice", "--quota", "1GiB", "--add-group", "staff")
    second = "name,addresses,display_name,quota\nALICE,new@example.org,Alice,\ncarol,,C,\n"
    assert "1 added, 0 changed, 1 skipped" in load("csv", second)
    assert "0 added, 2 changed, 0 skipped" in load("csv", second, "--update")
    alice, bob, _ = json.loads(thurn(account, "list", "--json"))
    assert alice["id"] == before[0]["id"]
    assert (alice["name"], alice["display_name"]) == ("ALICE", "Alice")
    assert alice["addresses"] == ["alice@example.org", "new@example.org"]
    assert (alice["quota_octets"], alice["groups"]) == (2**30, ["staff"])
    load("toml", '[accounts.alice]\nquota = "2GiB"\nservices = "imap"\n', "--update")
    alice, *_ = json.loads(thurn(account, "list", "--json"))
    assert (alice["quota_octets"], alice["services"]) == (2 * 2**30, ["imap"])
    assert (alice["display_name"], alice["groups"]) == ("Alice", ["staff"])
    load("passwd", "alice:::::::nologin\n", "--update")
    alice, *_ = json.loads(thurn(account, "list", "--json"))
    assert (alice["display_name"], alice["enabled"]) == ("Alice", False)
    assert bob == before[1]
    assert login(ask, "alice", "one one") == Denied("account.disabled")  # still its password


@pytest.mark.parametrize(
    ("suffix", "text", "expected"),
    [
        ("toml", "x", "nothing was imported"),
        ("toml", "[acounts.a]\n", "acounts: Extra inputs"),
        (
            "toml",
            '[accounts.a]\npassword = "secret"\n',
            "accounts.a.password cannot be used: there is no {SCHEME}",
        ),
        ("csv", "name,name\na,b\n", "there are two columns 'name'"),
        (
            "toml",
            f'[accounts.a]\nstored_keys = {{SCRAM-SHA-256 = "{GOOD_KEY}"}}\n',
            "accounts.a.stored_keys cannot be kept without a password",
        ),
        ("toml", f'[accounts.a]\nstored_keys = {{SCRAM-SHA-1 = "{KEY}"}}\n', "RFC 5803"),
        ("toml", '[accounts."a b"]\n', "accounts.a b: 'a b' cannot be a name"),
        ("toml", '[accounts.a]\naddresses = "a@b.example"\n', "thurn domain add b.example"),
        ("toml", '[accounts.a]\n[accounts.b]\naddresses = "a@example.org"\n', "an address of a"),
        ("toml", '[aliases]\nroot = "nobody"\n', "aliases.root: there is no account 'nobody'"),
        ("toml", 'domains = ["-"]\n', "'-' is not a domain"),
        ("passwd", ":x\n", "line 1: there is no name"),
        ("passwd", "\na:::::::allow_nets=10.0.0.0/8\n", "line 2: the field 'allow_nets'"),
        ("passwd", "a:{PLAIN}\n", "line 1: the password cannot be used: it is empty"),
        ("passwd", b"\xff", "is not UTF-8"),
        ("csv", "", "the first line must name columns"),
        ("csv", "name,secret\n", "the column 'secret' is unknown"),
        ("csv", "name\na,b\n", "line 2: the line has more cells than the header"),
        ("csv", "name,enabled\na,perhaps\n", "line 2: enabled must be yes or no"),
        ("csv", "name,quota\na,big\n", "line 2: quota must be a size"),
        ("csv", "name,quota_messages\na,²\n", "line 2: quota_messages must be a number"),
        ("csv", "name,password\n,\n", "line 2: there is no name"),
        ("csv", 'name\n"a', "line 1: unexpected end of data"),
        ("csv", "name\na\nA\n", "line 3: there are two accounts with the name A"),
        ("csv", "name,services\na,IM/AP\n", "line 2: 'IM/AP' is not a service"),
    ],
)
def test_a_mistake_changes_nothing(load, thurn, suffix, text, expected):
    thurn(domain, "add", "example.org")
    found = load(suffix, text, fails=True)
    assert expected in found
    assert "secret'" not in found or "column" in found
    assert thurn(account, "list").splitlines()[1:] == ["The list is empty."]


def test_at_most_twenty_mistakes_are_reported(load):
    text = "name,enabled\n" + "a,x\n" * 1000
    found = load("csv", text, fails=True)
    assert found.count("enabled must be yes or no") == 20
    assert "and 980 more" in found
    text = "name,addresses\n" + "".join(f"a{n},a@elsewhere.example\n" for n in range(30))
    found = load("csv", text, "--domain", "example.org", fails=True)
    assert found.count("thurn domain add elsewhere.example") == 20


@pytest.mark.slow
def test_many(load, thurn):
    text = "name,password\n" + "".join(f"u{n},{SSHA}\n" for n in range(2_000))
    assert "2000 added" in load("csv", text, "--domain", "example.org")
    assert len(json.loads(thurn(account, "list", "--json"))) == 2_000
