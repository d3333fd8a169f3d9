"""The conformance kit of account plugins: `CredentialVerifier` and `Directory`.

The plugin's test fills its source (a file, a database, an LDAP tree) with the accounts, aliases
and domains of `SAMPLE`, and opens the product on it:

    async def test_contract():
        async with factory.open(settings, context) as accounts:
            await check_verifier(accounts)
            await check_directory(accounts)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import trio
from thurn.contracts.account import (
    AccountFinder,
    Alias,
    Claim,
    CredentialVerifier,
    Denied,
    Directory,
    DiscreetVerifier,
    Local,
    Resolution,
    StoredKeyQuery,
    Unknown,
    UnknownAddress,
    Verdict,
    Verified,
)
from thurn.contracts.settings import Secret
from thurn.types.address import Address
from thurn.types.identity import AccountId

from thurn_testing.contracts.expectation import checking, expect, expect_equal, run_in_turn


@dataclass(frozen=True, slots=True)
class SampleAccount:
    """An account that the source must have."""

    name: str
    password: str
    addresses: tuple[str, ...]
    display_name: str = ""
    groups: frozenset[str] = frozenset()
    services: frozenset[str] | None = None
    quota_octets: int | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Sample:
    """What the source must have: domains that are ours, accounts, aliases."""

    domains: tuple[str, ...]
    accounts: tuple[SampleAccount, ...]
    aliases: dict[str, tuple[str, ...]]


ALICE: Final = SampleAccount(
    name="alice",
    password="correct horse battery staple",  # noqa: S106 - not a secret
    addresses=("alice@example.org", "a.smith@example.org"),
    display_name="Alice Smith",
    groups=frozenset({"staff", "board"}),
    quota_octets=1_073_741_824,
)
BOB: Final = SampleAccount(
    name="bob",
    password="§ Überlänge: ☃",  # noqa: S106
    addresses=("bob@example.org", "bob@example.net"),
    services=frozenset({"imap"}),
)
CAROL: Final = SampleAccount(
    name="carol",
    password="gone",  # noqa: S106
    addresses=("carol@example.org",),
    enabled=False,
)
SAMPLE: Final = Sample(
    domains=("example.org", "example.net"),
    accounts=(ALICE, BOB, CAROL),
    aliases={
        "info@example.org": ("alice@example.org", "bob@example.org", "info@elsewhere.example"),
        "sales@example.org": ("bob@example.org",),
        "shop@example.net": ("sales@example.org",),
    },
)

HOSTILE_NAMES: Final = (
    "nobody",
    "alic",
    "alicea",
    "*",
    "a*",
    "alice\0",
    "\0alice",
    "alice\n",
    " alice",
    "alice ",
    "alice)(uid=*",
    "' OR '1'='1",
    'alice"',
    "alice;--",
    "alice:x",
    "../alice",
    "/alice",
    "%u",
    "alice@",
    "@example.org",
    "alice@example.org@example.org",
    "alice@sub.example.org",
    "alice@example.com",
    "alice+x@example.org",
    "info@example.org",
    "accounts.alice",
    "ali\u0441e",
    "\uff41lice",
    "a" * 10_000,
    "\ud800",
    "alice\u200b",
)
"""Login names that are nobody's: prefixes, patterns, quoting, other domains, look-alikes."""
HOSTILE_SECRETS: Final = (
    "correct horse battery stapl",
    "correct horse battery staples",
    "Correct horse battery staple",
    " correct horse battery staple",
    "correct horse battery staple ",
    "*",
    "x" * 4096,
    "correct horse battery staple\0",
    "' OR '1'='1",
    "{PLAIN}x",
    "$argon2id$v=19$",
    "\u00e9" * 1024,
)
HOSTILE_LOCALS: Final = (
    '"*"',
    "alice*",
    "a_",
    "alice%example.org",
    "elsewhere.example!alice",
    '"alice\\ "',
    '" alice"',
    '"alice@example.org"',
    "'alice'",
    "al\u0456ce",
    "x" * 64,
    "alice.x",
    '"../alice"',
    "nobody+alice",
)


async def check_verifier(verifier: CredentialVerifier) -> None:
    """The verifier, filled with `SAMPLE`, judges claims as the contract says.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    checks = (_right_claims, _wrong_claims, _strangers, _many_claims, _nobody, _no_keys)
    await run_in_turn("account", *(partial(check, verifier) for check in checks))


async def _nobody(verifier: CredentialVerifier) -> None:
    if isinstance(verifier, DiscreetVerifier):
        for secret in HOSTILE_SECRETS:
            await verifier.verify_nobody(Claim("nobody", Secret(secret), "password", "imap"))


async def _no_keys(verifier: CredentialVerifier) -> None:
    nobody = await verifier.stored_key(StoredKeyQuery("nobody", "SCRAM-SHA-256"))
    expect_equal(nobody, Unknown(), "a stored key of who is not known here is Unknown")
    other = await verifier.stored_key(StoredKeyQuery("alice", "NO-SUCH"))
    # Else the next instance's key would let somebody in by a name that has its password here.
    expect(isinstance(other, Denied), f"a known name without such a key is Denied: {other!r}")


async def _judge(verifier: CredentialVerifier, name: str, secret: str, kind: str = "") -> Verdict:
    return await verifier.verify(Claim(name, Secret(secret), kind or "password", "imap"))


async def _right_claims(verifier: CredentialVerifier) -> None:
    identifiers: set[AccountId] = set()
    for account in (ALICE, BOB):
        verdicts: set[AccountId] = set()
        for name in (account.name, account.name.upper(), *account.addresses):
            verdict = await _judge(verifier, name, account.password)
            if not isinstance(verdict, Verified):
                raise AssertionError(f"{name} with its password is verified: found {verdict!r}")  # noqa: TRY004
            verdicts.add(verdict.account)
        expect_equal(len(verdicts), 1, "an account has one AccountId, whatever name it came by")
        identifiers |= verdicts
    expect_equal(len(identifiers), 2, "different accounts have different AccountIds")


async def _wrong_claims(verifier: CredentialVerifier) -> None:
    for secret in (*HOSTILE_SECRETS, BOB.password, CAROL.password):
        verdict = await _judge(verifier, "alice", secret)
        expect(isinstance(verdict, Denied), f"the secret {secret[:40]!r} is Denied: {verdict!r}")
    verdict = await _judge(verifier, CAROL.name, CAROL.password)
    expect(isinstance(verdict, Denied), "an account that is not enabled is Denied")
    for account in (ALICE, BOB):
        verdict = await _judge(verifier, account.name, account.password, "oauth2")
        expect(not isinstance(verdict, Verified), "a password is no token")


async def _strangers(verifier: CredentialVerifier) -> None:
    for name in HOSTILE_NAMES:
        for secret in (ALICE.password, "*"):
            verdict = await _judge(verifier, name, secret)
            expect(isinstance(verdict, Unknown), f"the name {name[:40]!r} is Unknown: {verdict!r}")


async def _many_claims(verifier: CredentialVerifier) -> None:
    verdicts: dict[int, Verdict] = {}

    async def one(number: int) -> None:
        account = (ALICE, BOB)[number % 2]
        secret = account.password if number % 3 else "wrong"
        verdicts[number] = await _judge(verifier, account.name, secret)

    async with trio.open_nursery() as nursery:
        for number in range(12):
            nursery.start_soon(one, number)
    for number, verdict in verdicts.items():
        expected = Verified if number % 3 else Denied
        expect(isinstance(verdict, expected), "claims at the same time do not mix")


async def check_directory(directory: Directory, *, separator: str = "+") -> None:
    """The directory, filled with `SAMPLE`, answers as the contract says.

    Args:
        directory: the product.
        separator: of sub-addresses, as it is set; "" if it has none.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    with checking("account", _own_addresses):
        alice, bob = await _own_addresses(directory)
    checks: list[Callable[[], Awaitable[None]]] = [
        partial(_sub_addresses, directory, separator, alice),
        partial(_aliases, directory),
        partial(_unknown_addresses, directory),
        partial(_postmasters, directory),
        partial(_records, directory, alice, bob),
        partial(_ownership, directory, separator, alice, bob),
        partial(_acting, directory, alice, bob),
    ]
    if isinstance(directory, AccountFinder):
        checks.append(partial(_finding, directory, alice, bob))
    await run_in_turn("account", *checks)


async def _finding(directory: AccountFinder, alice: AccountId, bob: AccountId) -> None:
    for account, identifier in ((ALICE, alice), (BOB, bob)):
        for name in (account.name, account.name.upper(), *account.addresses):
            identified = await directory.find_account(name)
            expect_equal(identified, identifier, f"{name} is a name of this account")
    for name in HOSTILE_NAMES:
        expect_equal(await directory.find_account(name), None, f"{name[:40]!r} is nobody's name")


async def _resolve(directory: Directory, text: str) -> Resolution:
    return await directory.resolve(Address.parse(text))


async def _own_addresses(directory: Directory) -> tuple[AccountId, AccountId]:
    ids: list[AccountId] = []
    for account in (ALICE, BOB):
        resolution: set[Resolution] = set()
        for text in account.addresses:
            local, _, domain = text.partition("@")
            for spelled in (text, f"{local.title()}@{domain.upper()}", f'"{local}"@{domain}.'):
                resolution.add(await _resolve(directory, spelled))
        expect_equal(len(resolution), 1, "all addresses of an account, in any spelling, mean it")
        meaning = resolution.pop()
        if not isinstance(meaning, Local) or meaning.detail is not None:
            raise AssertionError(f"an account's address is Local without detail: {meaning!r}")
        ids.append(meaning.account)
    return ids[0], ids[1]


async def _sub_addresses(directory: Directory, separator: str, alice: AccountId) -> None:
    if not separator:
        resolution = await _resolve(directory, "alice+Lists@example.org")
        expect_equal(
            resolution, UnknownAddress(True), "without a separator there are no sub-addresses"
        )
        return
    for detail in ("Lists", f"a{separator}b", "", "x/y"):
        resolution = await _resolve(directory, f"Alice{separator}{detail}@example.org")
        expect_equal(
            resolution, Local(alice, detail), "a sub-address has its detail as it was given"
        )
    resolution = await _resolve(directory, f"sales{separator}x@example.org")
    expect(isinstance(resolution, Alias), "a sub-address of an alias is the alias")


async def _aliases(directory: Directory) -> None:
    for name, targets in SAMPLE.aliases.items():
        resolution = await _resolve(directory, name.upper())
        expected = {Address.parse(text).key for text in targets}
        if not isinstance(resolution, Alias):
            raise AssertionError(f"{name} is an Alias: found {resolution!r}")  # noqa: TRY004
        expect_equal(
            {a.key for a in resolution.addresses}, expected, f"{name} stands for its targets"
        )


async def _unknown_addresses(directory: Directory) -> None:
    for domain in SAMPLE.domains:
        for local in ("nobody", "carols", *HOSTILE_LOCALS):
            resolution = await _resolve(directory, f"{local}@{domain}")
            expect_equal(
                resolution, UnknownAddress(True), f"{local} is unknown at a domain of ours"
            )
    for domain in (
        "elsewhere.example",
        "sub.example.org",
        "example.org.elsewhere.example",
        "badexample.org",
        "org",
        "[127.0.0.1]",
        "[IPv6:::1]",
        "xn--exmple-cua.org",
    ):
        resolution = await _resolve(directory, f"alice@{domain}")
        expect_equal(resolution, UnknownAddress(False), f"{domain} is no domain of ours")


async def _postmasters(directory: Directory) -> None:
    for domain in SAMPLE.domains:
        for local in ("postmaster", "Postmaster", "POSTMASTER"):
            resolution = await _resolve(directory, f"{local}@{domain}")
            known = not isinstance(resolution, UnknownAddress)
            expect(known, f"{local} is known at each domain of ours (RFC 5321 §4.5.1)")


async def _records(directory: Directory, alice: AccountId, bob: AccountId) -> None:
    for account, sample in ((alice, ALICE), (bob, BOB)):
        record = await directory.account(account)
        if record is None:
            raise AssertionError("an account that an address leads to has a record")
        expect_equal(record.account, account, "a record says whose it is")
        expect_equal(str(record.address), sample.addresses[0], "the primary address is the first")
        addresses = {str(address) for address in record.addresses}
        expect_equal(addresses, set(sample.addresses), "a record has all addresses")
        expect_equal(record.display_name, sample.display_name, "a record has the display name")
        expect_equal(record.groups, sample.groups, "a record has the groups")
        expect_equal(record.services, sample.services, "a record has the services; None is all")
        expect_equal(record.quota_octets, sample.quota_octets, "a record has the quota")
        expect(record.enabled, "a record says whether it is enabled")
    resolved = await _resolve(directory, CAROL.addresses[0])
    if isinstance(resolved, Local):
        record = await directory.account(resolved.account)
        expect(record is not None and not record.enabled, "a record says when it is not enabled")
    for name in HOSTILE_NAMES:
        record = await directory.account(AccountId(name))
        expect_equal(record, None, f"there is no account {name[:40]!r}")


async def _ownership(
    directory: Directory, separator: str, alice: AccountId, bob: AccountId
) -> None:
    async def owns(account: AccountId, text: str) -> bool:
        return await directory.owns(account, Address.parse(text))

    sub = (f"alice{separator}x@example.org",) if separator else ()
    for text in (*ALICE.addresses, *sub, "A.Smith@EXAMPLE.org"):
        expect(await owns(alice, text), f"alice owns {text}")
        expect(not await owns(bob, text), f"bob does not own {text}")
    for text in (*BOB.addresses, "sales@example.org", "shop@example.net"):
        expect(await owns(bob, text), f"bob owns {text}: it is his, or leads to him alone")
        expect(not await owns(alice, text), f"alice does not own {text}")
    for text in ("info@example.org", "nobody@example.org", "alice@elsewhere.example"):
        for account in (alice, bob):
            expect(not await owns(account, text), f"{text} is nobody's alone")
    stranger = AccountId("nobody")
    expect(not await owns(stranger, "alice@example.org"), "who has no account owns nothing")


async def _acting(directory: Directory, alice: AccountId, bob: AccountId) -> None:
    for name in ("alice", "ALICE", *ALICE.addresses):
        acting_as = await directory.may_act_as(alice, name)
        expect_equal(acting_as, alice, f"one may act as oneself, spelled {name}")
    for authcid, name in (
        (alice, "bob"), (alice, "bob@example.org"), (bob, "alice"), (bob, "alice@example.org"),
        (AccountId("nobody"), "alice"),
    ):  # fmt: skip
        acting_as = await directory.may_act_as(authcid, name)
        expect_equal(acting_as, None, f"{authcid} may not act as {name}")
    for name in HOSTILE_NAMES:
        expect_equal(await directory.may_act_as(alice, name), None, "nobody acts as nobody")
