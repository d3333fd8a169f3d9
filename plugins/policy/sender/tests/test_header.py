"""The header: every way to show another sender is refused or rewritten."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from thurn.delivery.edits import edit_header
from thurn.plugin import AccountId, Content, Continue, Reject
from thurn_kit.grants import RELAYED_FOR
from thurn_message.scanner import scan
from thurn_testing.fakes.session import make_identity, make_session, make_transaction

HERE = "198.51.100.7"
WHY = {"reason": "POP3 login", "granted_by": "login.pop", "lifetime_seconds": 1800}
REST = b"Subject: x\r\n\r\nbody\r\n"


async def ask(checked, fields, session=None, sender="alice@example.org", relayed_for=()):
    """`relayed_for`: by whose grants the relay rule has permitted a recipient."""
    session = session or make_session(identity=make_identity("alice"))
    octets = fields.encode() if isinstance(fields, str) else fields
    content = Content.of(octets + REST)
    transaction = make_transaction(session, sender=sender)
    if relayed_for:
        transaction.stash[RELAYED_FOR] = frozenset(map(AccountId, relayed_for))
    return await checked.check_message(transaction, content)


@pytest.mark.parametrize(
    "fields",
    [
        "From: alice@example.org\r\n",
        "from:Alice <ALICE@example.org>\r\n",
        "From: Alice\r\n <alice@example.org>\r\n",
        'From: "Adams, Alice" <sales@example.net>\r\n',
        "From: =?utf-8?q?J=C3=B6rg?= <alice+x@example.org>\r\n",
        "From: alice@example.org (Alice)\r\n",
        "From: alice@example.org\r\nSender: a.lice@example.org\r\n",
        "From: alice@example.org, sales@example.net\r\nSender: alice@example.org\r\n",
        "Resent-From: alice@example.org\r\nFrom: alice@example.org\r\n",
        'From: "alice@example.org" <alice@example.org>\r\n',
        'From: "Alice (sales@example.net)" <alice@example.org>\r\n',
        'From: "Bob @ work" <alice@example.org>\r\n',
        'From: "Bob @ work. Sales" <alice@example.org>\r\n',
        'From: "alice@ example . org" <alice@example.org>\r\n',
        'From: "@alice" <alice@example.org>\r\n',
        "Received: from x\r\n by y\r\nFrom: alice@example.org\r\nX-From: bob@example.org\r\n",
        "From: Алиса <alice@example.org>\r\n",
        "Reply-To: bob@example.org\r\nFrom: alice@example.org\r\n",
    ],
)
async def test_own_senders_pass(header, fields):
    async with header() as checked:
        assert await ask(checked, fields) is None


FOREIGN = [
    "From: bob@example.org\r\n",
    "From: boss@bank.example\r\n",
    "From: Alice <bob@example.org>\r\n",
    "From: alice@example.org\r\nSender: bob@example.org\r\n",
    "From: alice@example.org\r\nResent-From: bob@example.org\r\n",
    "From: alice@example.org\r\nResent-Sender: bob@example.org\r\n",
    "From: alice@example.org, bob@example.org\r\nSender: alice@example.org\r\n",
    "From: alice@example.org.bank.example\r\n",
    "From: alice@examp1e.org\r\n",
    "From: <alice%example.org@bank.example>\r\n",
    "From: alice@[192.0.2.1]\r\n",
    "From: list@example.org\r\n",
    "From: nobody@example.org\r\n",
    "From:\r\n bob@example.org\r\n",
    "FROM: bob@example.org\r\n",
]
NAMES = [
    'From: "boss@[192.0.2.1]" <alice@example.org>\r\n',
    "From: boss@[IPv6:2001:db8::1] at home <alice@example.org>\r\n",
    'From: "boss@bank.example" <alice@example.org>\r\n',
    "From: boss@bank.example <alice@example.org>\r\n",
    'From: "Boss <boss@bank.example>" <alice@example.org>\r\n',
    "From: =?utf-8?q?boss=40bank.example?= <alice@example.org>\r\n",
    "From: =?utf-8?b?Ym9zc0BiYW5rLmV4YW1wbGU=?= <alice@example.org>\r\n",
    "From: =?utf-8?q?boss=40ba?= =?utf-8?q?nk.example?= <alice@example.org>\r\n",
    'From: "boss @ bank.example" <alice@example.org>\r\n',
    'From: "boss@ bank . example" <alice@example.org>\r\n',
    'From: "boss @ bank .example" <alice@example.org>\r\n',
    'From: "boss@ bank. example" <alice@example.org>\r\n',
    "From: boss@ bank . example <alice@example.org>\r\n",
    "From: =?utf-8?q?boss=40_bank_=2E_example?= <alice@example.org>\r\n",
    'From: "boss\uff20 bank \uff0e example" <alice@example.org>\r\n',
    'From: "boss\uff20bank.example" <alice@example.org>\r\n',
    'From: "boss@\u200bbank.example" <alice@example.org>\r\n',
    'From: "bob@example.org via x" <alice@example.org>\r\n',
    "From: alice@example.org (boss@bank.example)\r\n",
    'From: "alice@example.org boss@bank.example" <alice@example.org>\r\n',
    'From: alice@example.org\r\nSender: "boss@bank.example" <alice@example.org>\r\n',
]
DOUBTFUL = [
    # without a mark of the octets' order: "boss@b.e", or something Chinese
    "From: =?utf-16?b?AGIAbwBzAHMAQABiAC4AZQ==?= <alice@example.org>\r\n",
    "From: =?UTF-32*en?b?AAAAYgAAAG8AAABA?= <alice@example.org>\r\n",
    # RFC 822 had comments everywhere
    "From: alice@example.org\r\nFrom(x): boss@bank.example\r\n",
    "From: alice@example.org\r\nSender=: boss@bank.example\r\n",
    "",
    "To: alice@example.org\r\n",
    "From:\r\n",
    "From: \r\n",
    "From: Alice\r\n",
    "From: alice@example.org\r\nFrom: alice@example.org\r\n",
    "From: alice@example.org\r\nfrom: bob@example.org\r\n",
    "From: alice@example.org, alice@example.org\r\n",
    "From: friends: alice@example.org;\r\n",
    "From: undisclosed-recipients:;\r\n",
    "From : alice@example.org\r\n",
    "From\t: alice@example.org\r\n",
    "X-Other : x\r\nFrom: alice@example.org\r\n",
    "From: =?utf-8?q?alice=40example.org?=\r\n",
    "From: <=?utf-8?q?alice?=@example.org>\r\n",
    "From: alice@example.org\r\nSender: alice@example.org, bob@example.org\r\n",
    "From: alice@example.org\r\nSender: alice@example.org\r\nSender: alice@example.org\r\n",
    "From: alice@example.org\r\nSender:\r\n",
    "From: alice@example.org\r\nResent-From: x\r\n",
    "From: alice@example.org\0\r\n",
    "From: alice@example.org\rFrom: bob@example.org\r\n",
    "From: alice@example.org\nX: y\r\n",
    "X: y\0\r\nFrom: alice@example.org\r\n",
    "From alice@example.org Mon Jan  1 00:00:00 2024\r\nFrom: alice@example.org\r\n",
    "From: alice@example.org\r\nno field\r\n",
    "From: <@bank.example:alice@example.org>\r\n",
    "From: alice@bob@example.org\r\n",
    "From: alice @example.org\r\n",
    "From: alice(x)@example.org\r\n",
    "From: alice@example.org> <bob@example.org\r\n",
    "From: <alice@example.org> bob@example.org\r\n",
    'From: "alice@example.org\r\n',
    "From: Alice (boss@bank.example) <alice@example.org>\r\n",
    "From: alice@example.org;\r\n",
    "From: ,alice@example.org\r\n",
    "From: alice@example.org <bob@example.org\r\n",
    'From: "a@x"@example.org\r\n',
    "From: alice@example.org\r\n" + "X: y\r\n" * 6_000,
    "From: alice@example.org\r\nX: " + "y" * 300_000 + "\r\n",
    "From: " + "alice@example.org, " * 60 + "alice@example.org\r\nSender: alice@example.org\r\n",
    "From: =?x-unknown?q?boss=40bank.example?= <alice@example.org>\r\n",
]


@pytest.mark.parametrize("fields", FOREIGN + NAMES)
async def test_senders_of_others_are_refused(header, fields):
    async with header() as checked:
        decision = await ask(checked, fields)
        assert isinstance(decision, Reject), decision
        assert (decision.code, decision.enhanced) == (550, "5.7.1")
        assert decision.reason == "sender.foreign"
        assert "not owned by alice (test.toml:2)" in decision.detail


@pytest.mark.parametrize("fields", DOUBTFUL)
@pytest.mark.parametrize("mode", ["reject", "rewrite"])
async def test_doubtful_headers_are_refused(header, fields, mode):
    async with header(mode=mode) as checked:
        decision = await ask(checked, fields)
        assert isinstance(decision, Reject), decision
        assert (decision.code, decision.reason) == (550, "sender.doubtful")


async def test_the_body_is_not_checked(header):
    async with header() as checked:
        decision = await ask(checked, b"Subject: x\r\n\r\nFrom: alice@example.org\r\n")
        assert decision.reason == "sender.doubtful"
        decision = await ask(checked, b"From: alice@example.org\r\n\r\nFrom: bob@example.org\r\n")
        assert decision is None


@pytest.mark.parametrize("fields", NAMES)
async def test_names_may_be_left_alone(header, fields):
    async with header(display_names="any") as checked:
        assert await ask(checked, fields) is None


@pytest.mark.parametrize("fields", [FOREIGN[0], NAMES[0], DOUBTFUL[1]])
async def test_only_logged(header, fields):
    async with header(mode="log") as checked:
        decision = await ask(checked, fields)
        assert isinstance(decision, Continue)
        assert decision.reason.startswith("sender.")
        assert not decision.edits


async def test_many_addresses_cost_few_look_ups(header, directory):
    names = b" ".join(b"alice+%d@example.org" % n for n in range(5_000))
    async with header() as checked:
        decision = await ask(checked, b'From: "' + names + b'" <alice@example.org>\r\n')
        assert decision.reason == "sender.doubtful"
        assert directory.asked == 0


# --- rewrite


async def rewritten(checked, fields, **more):
    decision = await ask(checked, fields, **more)
    assert isinstance(decision, Continue), decision
    assert decision.reason == "sender.rewritten"
    octets = fields.encode() if isinstance(fields, str) else fields
    found = scan(edit_header(Content.of(octets + REST), decision.edits).read())
    assert found.content.endswith(b"\r\n\r\nbody\r\n")
    assert await ask(checked, found.content[: found.header_end - 2]) is None
    return found


async def test_rewritten(header):
    async with header(mode="rewrite") as checked:
        found = await rewritten(checked, "From: Boss <boss@bank.example>\r\n")
        assert found.get_all(b"from") == [b"Boss <alice@example.org>"]
        assert found.get_all(b"x-original-from") == [b"Boss <boss@bank.example>"]


async def test_rewritten_with_everything(header):
    fields = (
        "X-Original-From: a lie\r\nFrom: bob@example.org,\r\n x@bank.example\r\n"
        "Sender: bob@example.org\r\nX-Original-From: another\r\n"
    )
    async with header(mode="rewrite") as checked:
        found = await rewritten(checked, fields)
        assert found.get_all(b"from") == [b"alice@example.org"]
        assert found.get_all(b"sender") == []
        assert found.get_all(b"x-original-from") == [b"bob@example.org, x@bank.example"]


@pytest.mark.parametrize("fields", NAMES)
async def test_a_name_that_shows_an_address_goes(header, fields):
    async with header(mode="rewrite") as checked:
        found = await rewritten(checked, fields)
        [value] = found.get_all(b"from")
        assert value in (b"alice@example.org", b"Alice Adams <alice@example.org>")


async def test_a_sender_of_somebody_else(header):
    async with header(mode="rewrite") as checked:
        for own in ("sales@example.net", "sales@example.net, alice+x@example.org"):
            fields = f'From: {own}\r\nSender: "Bob" <bob@example.org>\r\n'
            found = await rewritten(checked, fields)
            assert found.get_all(b"from") == [own.encode()]
            assert found.get_all(b"sender") == [b"alice@example.org"]


@pytest.mark.parametrize(
    "name",
    [
        "J\u00f6rg " * 200,
        '"' * 501 + "x",
        "=?utf-8?q?=0D=0AFrom=3A_bob?=",
        "x" * 900,
        "\u202egnp",
        "=?utf-8?q?" + "=C3=B6" * 300 + "?=",
    ],
)
async def test_hostile_names_are_written_safely(header, name):
    quoted = name if name.startswith("=?") else '"' + name.replace('"', '\\"') + '"'
    async with header(mode="rewrite") as checked:
        found = await rewritten(checked, f"From: {quoted} <bob@example.org>\r\n")
        assert len(found.get_all(b"from")) == 1


async def test_what_cannot_be_rewritten(header):
    async with header(mode="rewrite") as checked:
        decision = await ask(checked, "From: alice@example.org\r\nResent-From: b@x.example\r\n")
        assert isinstance(decision, Reject)
        for name in ("umlaut", "without"):
            session = make_session(identity=make_identity(name))
            decision = await ask(checked, "From: bob@example.org\r\n", session)
            assert isinstance(decision, Reject)
            assert "no own address to write" in decision.detail


async def test_rewritten_as_the_one_who_sends(header):
    async with header(mode="rewrite") as checked:
        decision = await ask(
            checked,
            "From: x@x.example\r\n",
            make_session(peer=HERE),
            "bob@example.org",
            ("alice", "bob"),
        )
        assert decision.edits[0].value == "bob@example.org"


# --- grants (POP-before-SMTP)


@pytest.mark.parametrize("fields", [*FOREIGN, *NAMES, *DOUBTFUL[:8]])
async def test_what_is_relayed_by_a_grant_is_the_account_s(header, fields):
    async with header() as checked:
        here = make_session(peer=HERE)
        assert isinstance(await ask(checked, fields, here, relayed_for=["alice"]), Reject)
        own = "From: alice@example.org\r\n"
        assert await ask(checked, own, here, relayed_for=["alice"]) is None


async def test_what_is_not_relayed_is_from_outside(header, table):
    await table.grant(ip_address(HERE), account=AccountId("alice"), **WHY)
    async with header() as checked:
        for fields in FOREIGN + NAMES + DOUBTFUL:
            for sender in ("alice@example.org", "x@elsewhere.example", None):
                assert await ask(checked, fields, make_session(peer=HERE), sender) is None


@pytest.mark.parametrize("own", ["alice", "bob"])
async def test_several_behind_one_address_each_as_itself(header, own):
    other = "bob" if own == "alice" else "alice"
    async with header() as checked:
        here, sender = make_session(peer=HERE), f"{own}@example.org"
        for name, permitted in ((own, True), (other, False)):
            fields = f"From: {name}@example.org\r\n"
            decision = await ask(checked, fields, here, sender, ("alice", "bob"))
            assert (decision is None) == permitted
            assert permitted or f"not owned by {own} (" in decision.detail


async def test_where_the_relay_rule_lets_every_sender_pass(header):
    async with header() as checked:
        here, accounts = make_session(peer=HERE), ("alice", "bob")
        for sender in ("x@elsewhere.example", None):
            for name in accounts:
                fields = f"From: {name}@example.org\r\n"
                assert await ask(checked, fields, here, sender, accounts) is None
            decision = await ask(checked, "From: x@x.example\r\n", here, sender, accounts)
            assert "not owned by alice, bob" in decision.detail


async def test_a_login_counts_more_than_a_grant(header):
    async with header(exempt_accounts=["robot"]) as checked:
        session = make_session(peer=HERE, identity=make_identity("alice"))
        fields = "From: bob@example.org\r\n"
        assert await ask(checked, fields, session, "bob@example.org", ["bob"]) is not None
        robot = make_session(peer=HERE, identity=make_identity("robot"))
        assert await ask(checked, fields, robot, "x@x.example", ["robot"]) is None


async def test_grants_may_be_left_out(header, table):
    await table.grant(ip_address(HERE), account=AccountId("alice"), **WHY)
    here = make_session(peer=HERE)
    async with header(grants=False) as checked:
        assert await ask(checked, FOREIGN[0], here, relayed_for=["alice"]) is None
    async with header(grants=False, protect_local=True) as checked:
        decision = await ask(checked, "From: alice@example.org\r\n", here)
        assert decision.reason == "sender.local_outside"


async def test_a_near_host_that_relays_by_a_grant_is_held_as_well(header):
    async with header(exempt_networks=["198.51.100.0/24"], protect_local=True) as checked:
        here = make_session(peer=HERE)
        assert await ask(checked, FOREIGN[0], here) is None
        assert await ask(checked, FOREIGN[0], here, relayed_for=["alice"]) is not None


async def test_protected_senders_of_the_granted_account(header, table):
    await table.grant(ip_address(HERE), account=AccountId("alice"), **WHY)
    async with header(protect_local=True) as checked:
        here = make_session(peer=HERE)
        for fields in ("From: alice@example.org\r\n", "From: x@y.example\r\n", ""):
            assert await ask(checked, fields, here, "x@y.example") is None
        for fields in (
            "From: bob@example.org\r\n",
            "From: alice@example.org\r\nSender: bob@example.org\r\n",
        ):
            decision = await ask(checked, fields, here, "alice@example.org")
            assert decision.reason == "sender.local_outside"
            assert "bob" in decision.detail
            assert "alice" not in decision.detail


# --- who is looked at


async def test_strangers_are_left_alone(header):
    async with header() as checked:
        for fields in FOREIGN + NAMES + DOUBTFUL:
            assert await ask(checked, fields, make_session()) is None


async def test_local_senders_from_outside(header):
    async with header(protect_local=True) as checked:
        for fields in (
            "From: bob@example.org\r\n",
            "From: x@y.example\r\nSender: bob@example.org\r\n",
            "From: x@y.example\r\nFrom: nobody@example.org\r\n",
            "From : bob@example.org\r\n",
            'From: "bob@example.org" <x@y.example>\r\n',
            "From: g: bob@example.org;\r\n",
        ):
            decision = await ask(checked, fields, make_session(), sender="x@y.example")
            assert isinstance(decision, Reject), fields
            assert (decision.code, decision.reason) == (550, "sender.local_outside")
        for fields in ("From: x@y.example\r\n", "From: x@backup.example\r\n", ""):
            assert await ask(checked, fields, make_session()) is None
        assert await ask(checked, "From: bob@example.org\r\n", make_session(peer=None)) is None


async def test_exempt(header):
    async with header(exempt_accounts=["alice"], protect_local=True) as checked:
        assert await ask(checked, "From: bob@example.org\r\n") is None
        assert await ask(checked, "") is None
