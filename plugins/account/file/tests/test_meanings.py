"""Addresses beyond the kit: defaults, catch-alls, postmaster, masters, stored keys."""

from __future__ import annotations

from thurn.plugin import (
    Address,
    Alias,
    Claim,
    Denied,
    Local,
    Secret,
    StoredKeyQuery,
    Unknown,
    UnknownAddress,
    Verified,
)

TEXT = """
domains = ["Example.org.", "bücher.example"]
[accounts.Alice]
[accounts."bob@bücher.example"]
[accounts.carol]
addresses = []
stored_keys = {SCRAM-SHA-256 = "SCRAM-SHA-256$4096:c2FsdA==$aa==:bb=="}
attributes = {language = "de"}
[aliases]
root = "alice"
Postmaster = ["alice", "bob@bücher.example"]
"@bücher.example" = "Alice"
"""
A = "xn--bcher-kva.example"


async def means(accounts, text):
    return await accounts.resolve(Address.parse(text))


async def test_default_addresses(opened):
    async with opened(TEXT) as (accounts, _):
        record = await accounts.account("alice")
        assert [str(a) for a in record.addresses] == ["Alice@example.org", f"Alice@{A}"]
        record = await accounts.account(f"bob@{A}")
        assert [str(a) for a in record.addresses] == [f"bob@{A}"]
        assert await means(accounts, "bob@example.org") == UnknownAddress(True)
        record = await accounts.account("carol")
        assert record.attributes == {"language": "de"}


async def test_aliases_at_each_domain(opened):
    async with opened(TEXT) as (accounts, _):
        alice = Address.parse("Alice@example.org")
        for domain in ("example.org", "bücher.example"):
            assert await means(accounts, f"root+x@{domain}") == Alias((alice,))
            assert isinstance(await means(accounts, f"postmaster@{domain}"), Alias)


async def test_catch_all(opened):
    async with opened(TEXT) as (accounts, _):
        found = await means(accounts, f"anything@{A}")
        assert found == Alias((Address.parse("Alice@example.org"),))
        assert await means(accounts, "anything@example.org") == UnknownAddress(True)
        assert await accounts.owns("alice", Address.parse(f"anything@{A}"))
        assert not await accounts.owns("alice", Address.parse(f"bob@{A}"))


async def test_postmaster_as_set(opened):
    text = 'domains = ["a.example", "b.example"]\n[accounts.alice]\n[accounts.bob]\n'
    async with opened(text) as (accounts, _):
        assert await means(accounts, "PostMaster@b.example") == Local("alice")
    async with opened(text, postmaster="BOB@a.example") as (accounts, _):
        assert await means(accounts, "postmaster+x@b.example") == Local("bob", "x")
        assert await accounts.owns("bob", Address.parse("postmaster@a.example"))
    async with opened('domains = ["a.example"]') as (accounts, _):
        assert await means(accounts, "postmaster@a.example") == UnknownAddress(True)


async def test_masters_act_as_everybody(opened):
    async with opened(TEXT, masters=("alice@example.org",)) as (accounts, _):
        assert await accounts.may_act_as("alice", "CAROL") == "carol"
        assert await accounts.may_act_as("carol", "alice") is None
        assert await accounts.may_act_as("alice", "nobody") is None


async def test_stored_keys(opened):
    async with opened(TEXT) as (accounts, _):
        key = await accounts.stored_key(StoredKeyQuery("Carol", "SCRAM-SHA-256"))
        assert (key.account, key.value.reveal()) == (
            "carol",
            "SCRAM-SHA-256$4096:c2FsdA==$aa==:bb==",
        )
        # Known by its key: no other instance proves it, by whatever mechanism.
        assert await accounts.stored_key(StoredKeyQuery("carol", "SCRAM-SHA-1")) == Denied()
        assert await accounts.verify(Claim("carol", Secret("x"))) == Denied()
        for name in ("alice", "nobody"):  # without any credential
            assert await accounts.stored_key(StoredKeyQuery(name, "SCRAM-SHA-256")) == Unknown()
        assert "4096" not in repr(key)


async def test_who_has_no_password_here_is_unknown(opened):
    async with opened(TEXT) as (accounts, _):
        assert await accounts.verify(Claim("alice", Secret("x"))) == Unknown()


async def test_names_of_other_alphabets(opened):
    text = '[accounts."Zoë"]\npassword = "{PLAIN}x"\n[accounts.sam]\n'
    async with opened(text, allow_plain=True) as (accounts, _):
        verdict = await accounts.verify(Claim("zoe\u0308", Secret("x")))
        assert verdict == Verified("zoë")
        assert await accounts.verify(Claim("ZOË", Secret("x"))) == Unknown()
        assert await accounts.may_act_as("sam", "\u017fam") is None


async def test_domains_of_the_settings(opened):
    async with opened("[accounts.alice]\n", domains=("example.org",)) as (accounts, _):
        assert await means(accounts, "alice@example.org") == Local("alice")
