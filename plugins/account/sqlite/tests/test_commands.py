"""The commands, as people and programs call them."""

from __future__ import annotations

import json
import sqlite3

import pytest
import trio
from thurn.plugin import Address, Alias, Claim, Denied, Local, Secret, UnknownAddress, Verified
from thurn_account_sqlite.commands.account import account
from thurn_account_sqlite.commands.alias import alias
from thurn_account_sqlite.commands.domain import domain


@pytest.fixture
def site(thurn):
    """example.org with alice (password "secret")."""
    thurn(domain, "add", "Example.ORG.")
    thurn(account, "add", "Alice", "--display-name", "Alice Smith", input="secret\n")
    return thurn


@pytest.fixture
def ask(opened):
    """What the server says afterwards."""

    def ask(function):
        async def main():
            async with opened() as (accounts, _):
                return await function(accounts)

        return trio.run(main)

    return ask


def means(ask, text):
    return ask(lambda accounts: accounts.resolve(Address.parse(text)))


def login(ask, name, secret):
    return ask(lambda accounts: accounts.verify(Claim(name, Secret(secret), service="imap")))


def shown(thurn, name="alice"):
    return json.loads(thurn(account, "show", name, "--json"))


def test_a_site_from_nothing(site, ask):
    entry = shown(site)
    assert entry["addresses"] == ["alice@example.org"]
    assert (entry["name"], entry["display_name"], entry["enabled"]) == (
        "Alice",
        "Alice Smith",
        True,
    )
    assert [c["label"] for c in entry["credentials"]] == ["main"]
    assert entry["stored_keys"] == ["SCRAM-SHA-256"]
    assert means(ask, "ALICE+x@example.org") == Local(entry["id"], "x")
    assert login(ask, "alice", "secret") == Verified(entry["id"])
    assert len(entry["id"]) == 20


def test_a_new_name_keeps_the_account(site, ask):
    before = shown(site)["id"]
    site(account, "set", "alice", "--name", "asmith", "--add-address", "asmith@example.org")
    site(account, "set", "asmith", "--primary", "asmith@example.org")
    site(account, "set", "asmith", "--remove-address", "alice@example.org")
    assert shown(site, "asmith")["id"] == before
    assert "there is no account" in site(account, "show", "alice", fails=True)
    assert login(ask, "asmith", "secret") == Verified(before)
    assert means(ask, "alice@example.org") == UnknownAddress(True)


def test_all_properties_can_be_set(site):
    site(
        account,
        "set",
        "alice",
        "--quota",
        "2GiB",
        "--quota-messages",
        "1000",
        "--service",
        "imap",
        "--service",
        "submission",
        "--add-group",
        "staff",
        "--add-group",
        "board",
        "--store",
        "big",
        "--attribute",
        "language=de",
        "--attribute",
        "note=a=b",
        "--disable",
        "--display-name",
        "",
    )
    entry = shown(site)
    assert (entry["quota_octets"], entry["quota_messages"]) == (2 * 2**30, 1000)
    assert entry["services"] == ["imap", "submission"]
    assert entry["groups"] == ["board", "staff"]
    assert (entry["store"], entry["enabled"]) == ("big", False)
    assert entry["attributes"] == {"language": "de", "note": "a=b"}
    site(
        account,
        "set",
        "alice",
        "--quota",
        "none",
        "--quota-messages",
        "none",
        "--service",
        "all",
        "--remove-group",
        "staff",
        "--store",
        "default",
        "--attribute",
        "note=",
        "--enable",
    )
    entry = shown(site)
    assert (entry["quota_octets"], entry["quota_messages"], entry["services"]) == (None,) * 3
    assert (entry["groups"], entry["store"]) == (["board"], None)
    assert entry["attributes"] == {"language": "de"}
    again = json.loads(site(account, "set", "alice", "--enable", "--json"))
    assert again == {"name": "Alice", "changed": False}
    assert "quota\t2GiB" not in site(account, "show", "alice")
    site(account, "set", "alice", "--quota", "2GiB")
    assert "quota\t2GiB" in site(account, "show", "alice")
    line = site(account, "history", "--limit", "1")
    assert line.endswith("\taccount.changed\tAlice\tAlice\tquota_octets: - → 2147483648\n")


def test_a_store_that_the_site_does_not_have_is_refused_with_the_list(site):
    refusals = [
        site(account, "set", "alice", "--store", "bgi", fails=True),
        site(account, "add", "bob", "--store", "bgi", "--no-password", fails=True),
    ]
    assert refusals == ["Error: the site has no store 'bgi', only: big, main\n"] * 2
    assert shown(site)["store"] is None
    assert "bob" not in site(account, "list")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--quota", "much"], "is not a size"),
        (["--quota-messages", "-1"], "is neither a number"),
        (["--attribute", "x"], "KEY=VALUE"),
        (["--service", "IMAP"], "is not a service"),
        (["--name", "a b"], "cannot be a name"),
        (["--name", "bob@example.org@x"], "cannot be a name"),
        (["--add-address", "a@example.com"], "thurn domain add example.com"),
        (["--add-address", "a"], "is not an address: no domain"),
        (["--primary", "x@example.org"], "--add-address"),
        (["--act-as", "bob"], "there is no account 'bob'"),
        (["--display-name", "x\ny"], "cannot be stored"),
    ],
)
def test_invalid_values_change_nothing(site, words, expected):
    before = shown(site)
    text = site(account, "set", "alice", "--add-group", "x", *words, fails=True)
    assert expected in text
    assert shown(site) == before


def test_names_and_addresses_have_one_owner(site):
    site(account, "add", "bob", "--no-password")
    for words, expected in (
        (["set", "bob", "--name", "ALICE"], "there is an account Alice already"),
        (["set", "bob", "--name", "alice@example.org"], "is an address of the account Alice"),
        (["set", "bob", "--add-address", "ALICE@example.org"], "is already an address of Alice"),
        (["add", "alice", "--no-password"], "there is an account Alice already"),
        (["add", "c", "--no-password", "--id", shown(site)["id"]], "another account has the id"),
    ):
        assert expected in site(account, *words, fails=True)
    site(account, "add", "d@example.org", "--no-password", "--no-address")
    text = site(account, "set", "bob", "--add-address", "d@example.org", fails=True)
    assert "login name of another" in text
    text = site(alias, "set", "alice@example.org", "bob", fails=True)
    assert "--remove-address alice@example.org" in text
    site(alias, "set", "x@example.org", "bob")
    text = site(account, "set", "bob", "--add-address", "x@example.org", fails=True)
    assert "is already an alias" in text


def test_add_needs_an_address_if_there_are_several_domains(thurn):
    text = thurn(account, "add", "alice", "--no-password", fails=True)
    assert "thurn domain add" in text
    thurn(domain, "add", "example.org")
    thurn(domain, "add", "example.net")
    assert "use --address" in thurn(account, "add", "alice", "--no-password", fails=True)
    thurn(account, "add", "alice", "--no-password", "--address", "a@example.net")
    thurn(account, "add", "bob@example.org", "--no-password")
    assert shown(thurn, "bob@example.org")["addresses"] == ["bob@example.org"]


def test_no_password_is_asked_for_an_existing_account(site):
    assert "there is an account Alice already" in site(
        account, "add", "alice", input="ab\n", fails=True
    )


def test_octets_that_are_not_characters(site):
    for words in (
        ("set", "alice", "--display-name", "\udcff"),
        ("set", "alice", "--store", "\udcff"),
        ("set", "alice", "--name", "\udcff"),
        ("add", "\udcff@example.org", "--no-password"),
        ("history", "\udcff"),
        ("app-password", "revoke", "alice", "\udcff"),
    ):
        assert site(account, *words, fails=True).startswith("Error: ")


def test_if_missing_and_if_exists(site):
    expected = site(account, "add", "alice", "--if-missing", input="other\n")
    assert expected == "alice exists already\n"
    assert "there is no account" in site(account, "delete", "bob", "--yes", fails=True)
    assert site(account, "delete", "bob", "--if-exists") == "there is no account bob\n"


def test_passwords(site, ask):
    site(account, "passwd", "alice", input="other one\n")
    assert login(ask, "alice", "secret") == Denied()
    assert isinstance(login(ask, "alice", "other one"), Verified)
    for wrong, expected in (
        ("ab\n", "fewer than 3"), ("\n", "fewer"), ("", "fewer"), ("a\tbc\n", "control characters"),
        ("x" * 5000, "4096"),
    ):  # fmt: skip
        assert expected in site(account, "passwd", "alice", input=wrong, fails=True)
    made = json.loads(site(account, "passwd", "alice", "--generate", "--json"))["password"]
    assert isinstance(login(ask, "alice", made), Verified)
    site(
        account,
        "passwd",
        "alice",
        "--hash",
        input="{SSHA}Y0inhK117YaH0DaKasW4ha+ijnxzYWx0c2FsdA==\n",
    )
    assert isinstance(login(ask, "alice", "pass"), Verified)
    text = site(account, "passwd", "alice", "--hash", input="{PLAIN}secret\n", fails=True)
    assert "the scheme PLAIN is not known" in text
    assert "secret" not in text
    site(account, "passwd", "alice", "--remove")
    assert shown(site)["credentials"] == []
    assert "there is no account" in site(account, "passwd", "bob", input="secret\n", fails=True)
    assert "SCRAM cannot be used" in site(account, "passwd", "alice", input="\U0001f600 smile\n")


def test_app_passwords(site, ask):
    made = json.loads(
        site(
            account,
            "app-password",
            "add",
            "alice",
            "phone",
            "--service",
            "imap",
            "--expires",
            "90d",
            "--json",
        )
    )
    assert login(ask, "alice", made["password"]) == Verified(shown(site)["id"], "phone")
    text = site(account, "app-password", "add", "alice", "phone", fails=True)
    assert "revoke it" in text
    for label in ("main", "", "x" * 65, "a\x07"):
        assert "label" in site(account, "app-password", "add", "alice", label, fails=True)
    for time in ("2020-01-01", "soon", "0d"):
        words = ("app-password", "add", "alice", "x", "--expires", time)
        assert "time" in site(account, *words, fails=True)
    listed = json.loads(site(account, "app-password", "list", "alice", "--json"))
    assert [(e["label"], e["kind"], e["services"]) for e in listed] == [
        ("main", "main", None),
        ("phone", "app", ["imap"]),
    ]
    assert listed[1]["last_used"] is not None
    assert listed[1]["expires"] == made["expires"]
    assert "phone\tapp\timap" in site(account, "app-password", "list", "alice")
    site(account, "app-password", "revoke", "alice", "phone")
    assert login(ask, "alice", made["password"]) == Denied()
    text = site(account, "app-password", "revoke", "alice", "phone", fails=True)
    assert "app-password list" in text
    assert "--remove" in site(account, "app-password", "revoke", "alice", "main", fails=True)


def test_aliases(site, ask):
    site(account, "add", "bob", "--no-password")
    assert site(alias, "add", "info@example.org", "alice") == "info@example.org is set\n"
    site(alias, "add", "Info@example.org", "bob", "x@elsewhere.example", "alice")
    found = means(ask, "info@example.org")
    assert [str(a) for a in found.addresses] == [
        "alice@example.org",
        "bob@example.org",
        "x@elsewhere.example",
    ]
    assert (
        site(alias, "add", "info@example.org", "bob")
        == "nothing had to be changed for info@example.org\n"
    )
    site(alias, "delete", "info@example.org", "alice")
    site(alias, "set", "@example.org", "alice")
    assert means(ask, "anything@example.org") == Alias((Address.parse("alice@example.org"),))
    listed = json.loads(site(alias, "list", "--json"))
    assert listed == [
        {"alias": "@example.org", "targets": ["Alice"]},
        {"alias": "info@example.org", "targets": ["bob", "x@elsewhere.example"]},
    ]
    assert site(alias, "list", "--domain", "example.net").endswith("The list is empty.\n")
    site(
        account, "set", "alice", "--add-address", "new@example.org", "--primary", "new@example.org"
    )
    assert means(ask, "anything@example.org") == Alias((Address.parse("new@example.org"),))
    assert site(alias, "delete", "info@example.org", input="n\n", fails=True)
    site(alias, "delete", "info@example.org", input="y\n")
    assert isinstance(means(ask, "info@example.org"), Alias)
    site(alias, "delete", "@example.org", "alice")
    assert means(ask, "info@example.org") == UnknownAddress(True)


def test_an_alias_that_leads_back_to_itself_is_refused(site):
    """Over others, by a sub-address, or by the alias for all other addresses of a domain."""
    site(alias, "set", "a@example.org", "b@example.org")
    site(alias, "set", "b@example.org", "c@example.org", "x@elsewhere.example")
    for target in ("a@example.org", "B@example.org", "a+x@example.org", "c+x@example.org"):
        text = site(alias, "set", "c@example.org", "x@elsewhere.example", target, fails=True)
        assert "would lead to itself" in text
    assert "would lead to itself" in site(alias, "set", "@example.org", "a@example.org", fails=True)
    site(alias, "set", "c@example.org", "x@elsewhere.example")
    site(alias, "set", "@example.org", "a@example.org")
    assert "would lead to itself" in site(
        alias, "add", "c@example.org", "d@example.org", fails=True
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["set", "info@example.com", "alice"], "thurn domain add example.com"),
        (["set", "info", "alice"], "is not an address"),
        (["set", "@", "alice"], "is not a domain"),
        (["set", "info@example.org", "Info@EXAMPLE.org"], "would lead to itself"),
        (["set", "info@example.org", "bob"], "there is no account 'bob'"),
        (["set", "info@example.org", "a@b@c"], "is not an address"),
        (["add", "info@example.org"], "Missing argument"),
        (["delete", "info@example.org", "--yes"], "there is no alias"),
        (["list", "--domain", "-"], "is not a domain"),
    ],
)
def test_invalid_aliases_are_refused(site, words, expected):
    assert expected in site(alias, *words, fails=True)


def test_aliases_that_led_to_a_deleted_account_alone_are_deleted(site, ask):
    site(account, "add", "bob", "--no-password")
    site(alias, "set", "a@example.org", "alice")
    site(alias, "set", "both@example.org", "alice", "bob")
    site(domain, "set", "example.org", "--postmaster", "alice")
    text = site(account, "delete", "alice", input="n\n", fails=True)
    assert "nothing was changed" in text
    assert "a@example.org" in site(account, "delete", "alice", "--yes")
    assert means(ask, "a@example.org") == UnknownAddress(True)
    assert means(ask, "both@example.org") == Alias((Address.parse("bob@example.org"),))
    assert isinstance(means(ask, "postmaster@example.org"), Local)
    before = json.loads(site(account, "history", "alice", "--json"))[0]["account"]
    site(account, "add", "alice", "--no-password")
    assert shown(site)["id"] != before


def test_history_names_the_account_beside_its_id(site):
    """Also where the line is about something else, as the address of an account."""
    site(account, "set", "alice", "--name", "asmith")
    lines = json.loads(site(account, "history", "asmith", "--json"))
    assert {line["account_name"] for line in lines} == {"asmith"}
    assert {line["account"] for line in lines} == {shown(site, "asmith")["id"]}
    header, *rows = site(account, "history", "asmith").splitlines()
    column = header.split("\t").index("account")
    assert {row.split("\t")[column] for row in rows} == {"asmith"}
    site(account, "delete", "asmith", "--yes")
    newest = json.loads(site(account, "history", "--limit", "1", "--json"))[0]
    assert newest["account_name"] is None
    assert newest["account"] in site(account, "history", "--limit", "1")


def test_the_last_address_stays_while_aliases_lead_there(site):
    site(domain, "add", "example.net")
    site(alias, "set", "info@example.net", "alice")
    words = ("set", "alice", "--remove-address", "alice@example.org")
    assert "info@example.net leads to Alice" in site(account, *words, fails=True)
    words = ("delete", "example.org", "--with-addresses", "--yes")
    assert "give Alice another address" in site(domain, *words, fails=True)
    site(account, *("set", "alice", "--add-address", "a@example.net"))
    site(domain, *("delete", "example.org", "--with-addresses", "--yes"))
    assert shown(site)["addresses"] == ["a@example.net"]


def test_domains(site, ask):
    assert site(domain, "add", "example.org") == "example.org exists already\n"
    assert "domain set" in site(domain, "add", "example.org", "--separator", "-", fails=True)
    site(domain, "add", "bücher.example", "--separator", "-", "--postmaster", "alice")
    site(account, "set", "alice", "--add-address", "alice@bücher.example")
    mine = shown(site)["id"]
    assert means(ask, "alice-x@bücher.example") == Local(mine, "x")
    assert means(ask, "alice+x@bücher.example") == UnknownAddress(True)
    assert means(ask, "alice+x@example.org") == Local(mine, "x")
    site(domain, "set", "bücher.example", "--separator", "")
    assert means(ask, "alice-x@bücher.example") == UnknownAddress(True)
    site(domain, "set", "bücher.example", "--separator", "default", "--postmaster", "default")
    assert means(ask, "alice+x@bücher.example") == Local(mine, "x")
    again = site(domain, "set", "bücher.example", "--separator", "default")
    assert again == "nothing had to be changed for xn--bcher-kva.example\n"
    listed = json.loads(site(domain, "list", "--json"))
    assert [(e["domain"], e["separator"], e["postmaster"], e["addresses"]) for e in listed] == [
        ("example.org", None, None, 1),
        ("xn--bcher-kva.example", None, None, 1),
    ]
    assert "example.org\tdefault" in site(domain, "list")
    text = site(domain, "delete", "example.org", "--yes", fails=True)
    assert "1 addresses of accounts and 0 aliases" in text
    site(domain, "delete", "example.org", "--with-addresses", "--yes")
    assert means(ask, "alice@example.org") == UnknownAddress(False)
    assert shown(site)["addresses"] == ["alice@xn--bcher-kva.example"]
    for name, expected in (("-", "not a domain"), ("example.com", "not a domain of this site")):
        assert expected in site(domain, "delete", name, "--yes", fails=True)
    assert "separator" in site(domain, "set", "bücher.example", "--separator", "ab", fails=True)


def test_grants(site, ask):
    site(account, "add", "bob", "--no-password")
    alice, bob = shown(site)["id"], shown(site, "bob")["id"]

    def owns(text):
        return ask(lambda accounts: accounts.owns(bob, Address.parse(text)))

    def acts(target):
        return ask(lambda accounts: accounts.may_act_as(bob, target))

    assert not owns("boss@elsewhere.example")
    assert acts("alice") is None
    site(account, "set", "bob", "--send-as", "Boss@elsewhere.example", "--act-as", "alice")
    assert owns("boss@elsewhere.example")
    assert owns("boss+x@elsewhere.example")
    assert not owns("other@elsewhere.example")
    assert acts("ALICE@example.org") == alice
    entry = shown(site, "bob")
    assert (entry["send_as"], entry["act_as"]) == (["boss@elsewhere.example"], ["Alice"])
    site(
        account,
        "set",
        "bob",
        "--send-as",
        "@elsewhere.example",
        "--no-act-as",
        "alice",
        "--no-send-as",
        "boss@elsewhere.example",
        "--act-as",
        "*",
    )
    assert owns("other@elsewhere.example")
    assert not owns("other@sub.elsewhere.example")
    assert acts("alice") == alice
    site(account, "set", "bob", "--no-act-as", "*", "--no-send-as", "@elsewhere.example")
    assert not owns("other@elsewhere.example")
    assert acts("alice") is None


def test_lists(site):
    site(account, "add", "bob", "--no-password", "--group", "staff", "--quota", "1536KiB")
    assert [e["name"] for e in json.loads(site(account, "list", "--json"))] == ["Alice", "bob"]
    found = json.loads(site(account, "list", "--group", "staff", "--json"))
    assert [e["name"] for e in found] == ["bob"]
    assert site(account, "list", "--group", "staff").split("\t")[-1] == "1536KiB\n"
    assert len(json.loads(site(account, "list", "--domain", "EXAMPLE.org", "--json"))) == 2
    assert "not a domain of this site" in site(
        account, "list", "--domain", "example.com", fails=True
    )


def test_history_has_everything_except_secrets(site, tmp_path):
    site(account, "set", "alice", "--quota", "1GiB", "--disable")
    site(account, "passwd", "alice", input="another secret\n")
    made = json.loads(site(account, "app-password", "add", "alice", "phone", "--json"))
    site(account, "app-password", "revoke", "alice", "phone")
    site(account, "set", "alice", "--name", "asmith")
    site(account, "delete", "asmith", "--yes")
    found = json.loads(site(account, "history", "--json"))
    assert [e["action"] for e in reversed(found)] == [
        "domain.added",
        "account.added",
        "address.added",
        "password.set",
        "account.changed",
        "password.set",
        "app_password.added",
        "app_password.revoked",
        "account.changed",
        "account.deleted",
    ]
    assert {e["who"] for e in found} == {"tester"}
    changed = found[5]["facts"]
    assert changed == {"enabled": [True, False], "quota_octets": [None, 2**30]}
    identifier = found[0]["account"]
    mine = json.loads(site(account, "history", identifier, "--json"))
    assert len(mine) == 9
    assert "account.deleted" in site(account, "history", "asmith", "--limit", "1")
    text = json.dumps(found) + site(account, "history")
    with sqlite3.connect(tmp_path / "main" / "accounts.db") as database:
        stored = [value for (value,) in database.execute("SELECT facts FROM history")]
    database.close()
    text += "".join(stored)
    assert not any(secret in text for secret in ("secret\n", made["password"], "$argon2", "4096:"))
    assert "another secret" not in text


def test_the_instance_is_chosen(thurn):
    two = {"main": {}, "other": {}}
    assert "(main, other): choose one with --instance" in thurn(
        domain, "list", names=two, fails=True
    )
    thurn(domain, "add", "example.org", "--instance", "other", names=two)
    assert thurn(domain, "list", "--instance", "main", names=two).endswith("The list is empty.\n")
    assert "example.org" in thurn(domain, "list", "--instance", "account.other", names=two)
    text = thurn(domain, "list", "--instance", "third", names=two, fails=True)
    assert "only: main, other" in text
    assert "account.third" not in text


def test_no_control_characters_reach_the_terminal(site):
    site(account, "set", "alice", "--display-name", "a\u202eb\x9bc")
    text = site(account, "list")
    assert "\u202e" not in text
    assert "\x9b" not in text


def test_history_is_kept_for_some_time(thurn, clock):
    names = {"main": {"history_days": 30}}

    def actions():
        found = json.loads(thurn(account, "history", "--json", names=names))
        return [line["action"] for line in found]

    thurn(domain, "add", "example.org", names=names)
    clock.advance(31 * 86_400)
    assert actions() == ["domain.added"]  # the newest line tells the workers of changes: it stays
    thurn(domain, "add", "example.org", names=names)
    assert actions() == ["domain.added"]
    thurn(domain, "add", "example.net", names=names)
    clock.advance(29 * 86_400)
    thurn(domain, "delete", "example.net", "--yes", names=names)
    assert actions() == ["domain.deleted", "domain.added"]
