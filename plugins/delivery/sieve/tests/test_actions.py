"""Each action becomes its verb. RFC 5228 §4."""

from __future__ import annotations

import pytest
from thurn.plugin import EntryKind
from thurn_message.encodedword import decode_words

MESSAGE = (
    b"From: Xaver <x@example.net>\r\nTo: alice@example.org\r\nSubject: hello\r\n"
    b"Message-ID: <1@example.net>\r\n\r\nA body.\r\n"
)


def filed(delivery):
    return [(filing.mailbox, filing.flags) for filing in delivery.filings]


async def test_without_a_script_no_verb_is_used(desk):
    delivery = await desk.deliver()
    assert not delivery.decided
    assert not delivery.notes


async def test_an_inactive_script_does_not_run(desk):
    await (await desk.account()).put_document("sieve", "main", b"discard;")
    assert not (await desk.deliver()).decided


@pytest.mark.parametrize("script", ["", "keep;", "if false { discard; }", "stop;", "keep; keep;"])
async def test_keep(desk, script):
    delivery = await desk.deliver(script)
    assert filed(delivery) == [("INBOX", ())]
    assert delivery.filings[0].content is delivery.content


async def test_fileinto_takes_names_literally(desk):
    delivery = await desk.deliver('require "fileinto"; fileinto "INBOX.KNF.Kongress";')
    assert filed(delivery) == [("INBOX.KNF.Kongress", ())]
    assert delivery.filings[0].create


async def test_fileinto_inbox_in_any_case_is_keep(desk):
    delivery = await desk.deliver('require "fileinto"; fileinto "inbox"; keep;')
    assert filed(delivery) == [("INBOX", ())]


async def test_flags(desk):
    delivery = await desk.deliver(
        'require ["fileinto", "imap4flags"]; addflag "\\\\Seen"; fileinto :flags "a b" "one";'
        'fileinto "two"; addflag "c"; keep;'
    )
    assert filed(delivery) == [
        ("one", ("a", "b")),
        ("two", ("\\Seen",)),
        ("INBOX", ("\\Seen", "c")),
    ]


async def test_flags_of_the_implicit_keep(desk):
    delivery = await desk.deliver('require "imap4flags"; setflag "\\\\flagged $x";')
    assert filed(delivery) == [("INBOX", ("\\Flagged", "$x"))]


async def test_discard(desk):
    delivery = await desk.deliver("\ndiscard;")
    assert delivery.decided
    assert not delivery.filings
    assert delivery.notes == ["discarded: by the script", "main line 2: discard"]


async def test_redirect(desk):
    delivery = await desk.deliver('redirect "y@elsewhere.example";')
    (sending,) = delivery.sendings
    envelope, content = sending.envelope, sending.content
    assert (sending.kind, sending.account) == (EntryKind.REDIRECT, "alice")
    assert not delivery.filings
    assert str(envelope.sender) == "x@example.net"
    assert [str(one.address) for one in envelope.recipients] == ["y@elsewhere.example"]
    assert content.read() == (
        b"X-Sieve-Redirected-From: alice@example.org\r\nDelivered-To: alice@example.org\r\n"
        + MESSAGE
    )
    assert content.blob is delivery.content.blob


async def test_redirect_of_a_null_sender_stays_null(desk):
    delivery = await desk.deliver('redirect "y@elsewhere.example";', sender=None)
    assert delivery.sendings[0].envelope.sender is None


async def test_redirect_and_keep(desk):
    delivery = await desk.deliver('redirect "y@elsewhere.example"; keep;')
    assert filed(delivery) == [("INBOX", ())]
    assert len(delivery.sendings) == 1


async def test_redirect_goes_once_to_an_address(desk):
    delivery = await desk.deliver('redirect "y@a.example"; redirect "Y@A.example";')
    assert len(delivery.sendings) == 1


async def test_a_fifth_redirect_fails(desk):
    script = "".join(f'redirect "y{number}@a.example";' for number in range(5))
    delivery = await desk.deliver(script)
    assert not delivery.sendings
    assert filed(delivery)[0] == ("INBOX", ())
    assert "too many" in " ".join(delivery.notes) or "more than 4" in " ".join(delivery.notes)


@pytest.mark.parametrize("whom", ["alice@example.org", "ALICE@Example.org", "alice+x@example.org"])
async def test_redirect_to_oneself_is_a_keep(desk, whom):
    delivery = await desk.deliver(f'redirect "{whom}";')
    assert filed(delivery) == [("INBOX", ())]
    assert not delivery.sendings


async def test_a_marked_message_is_not_redirected_again(desk):
    marked = b"X-Sieve-Redirected-From: Alice@example.org\r\n" + MESSAGE
    delivery = await desk.deliver('redirect "y@a.example";', marked)
    assert filed(delivery) == [("INBOX", ())]
    assert not delivery.sendings


async def test_a_repeated_message_is_redirected_once(desk):
    script = 'redirect "y@a.example";'
    first = await desk.commit(await desk.deliver(script))
    again = await desk.deliver()
    assert len(first.sendings) == 1
    assert not again.sendings
    assert again.decided
    assert (await desk.deliver(None, MESSAGE.replace(b"<1@", b"<2@"))).sendings
    assert (await desk.deliver(None, MESSAGE + b"more\r\n")).sendings
    desk.clock.advance(13 * 3600)
    assert (await desk.deliver()).sendings


async def test_what_was_not_committed_is_not_remembered(desk):
    await desk.deliver('redirect "y@a.example";')
    assert (await desk.deliver()).sendings


async def test_parameters_go_along(desk):
    delivery = await desk.deliver(
        'redirect "y@a.example";', parameters={"BODY": "8BITMIME", "SIZE": "9", "ENVID": "q"}
    )
    assert delivery.sendings[0].envelope.parameters == {"BODY": "8BITMIME", "ENVID": "q"}


@pytest.mark.parametrize(
    ("script", "filed_in"),
    [
        ('redirect "alice@example.org";', [("INBOX", ())]),
        ('addflag "\\\\Flagged"; redirect "alice@example.org";', [("INBOX", ("\\Flagged",))]),
        ('redirect "alice@example.org"; fileinto "x";', [("x", ())]),
        ('redirect :copy "alice@example.org"; fileinto "x";', [("x", ())]),
        ('redirect "alice@example.org"; discard;', []),
        ('redirect "alice@example.org"; redirect "y@elsewhere.example";', []),
    ],
)
async def test_an_ignored_redirect_is_as_if_it_were_not_there(desk, script, filed_in):
    """RFC 5228 §4.2: it does not cancel the implicit keep, but other actions still do."""
    delivery = await desk.deliver('require ["fileinto", "copy", "imap4flags"];' + script)
    assert filed(delivery) == filed_in


async def test_vacation(desk):
    script = 'require "vacation"; vacation :subject "Grüße" "away";'
    delivery = await desk.commit(await desk.deliver(script))
    (sending,) = delivery.sendings
    envelope, content = sending.envelope, sending.content
    assert (sending.kind, sending.account) == (EntryKind.REPLY, "alice")
    assert envelope.sender is None
    assert str(envelope.recipients[0].address) == "x@example.net"
    scan = content.scan
    assert decode_words(scan.get(b"subject")) == "Grüße"
    assert scan.get(b"in-reply-to") == b"<1@example.net>"
    assert scan.get(b"from") == b"alice@example.org"
    assert scan.get(b"message-id").endswith(b"@mx.example.org>")
    assert filed(delivery) == [("INBOX", ())]
    again = await desk.deliver()
    assert not again.sendings
    assert filed(again) == [("INBOX", ())]
    assert (await desk.deliver(sender="other@example.net")).sendings
    desk.clock.advance(8 * 86400)
    assert (await desk.deliver()).sendings


async def test_an_answer_given_while_the_script_ran_is_the_only_one(desk, monkeypatch):
    """RFC 5230 §4.2: an answer of another delivery since the script ran counts."""
    await desk.activate('require "vacation"; vacation "away";')
    delivery = await desk.delivery()
    asked, seen = [], delivery.account.seen

    async def seen_later(key):
        asked.append(key)
        if len(asked) == 2:  # the script has asked; now it is carried out
            await desk.commit(await desk.deliver())
        return await seen(key)

    monkeypatch.setattr(type(delivery.account), "seen", lambda self, key: seen(key))
    monkeypatch.setattr(delivery.account, "seen", seen_later, raising=False)
    await desk.filter.deliver(delivery)
    assert len(asked) == 2
    assert not delivery.sendings
    assert filed(delivery) == [("INBOX", ())]


@pytest.mark.parametrize(
    "script",
    [
        f'vacation :from "{"A" * 2_000} <a@b.example>" "away";',
        f'vacation :mime "Content-Type: text/plain; x={"A" * 2_000}\r\n\r\naway";',
        f'vacation :mime "Content-{"A" * 100}: x\r\n\r\naway";',
        f'vacation :subject "{"A" * 2_000}" "away";',
    ],
)
async def test_an_answer_that_fits_no_line_stops_no_mail(desk, script):
    delivery = await desk.deliver('require "vacation";' + script)
    assert filed(delivery)[0] == ("INBOX", ())
    for content in (one.content for one in delivery.sendings):
        assert all(len(line) <= 998 for line in content.read().split(b"\r\n"))
    assert len(delivery.sendings) == 1


async def test_no_edit_makes_a_list_be_answered(desk):
    message = MESSAGE.replace(b"Subject:", b"List-Id: <l.example>\r\nPrecedence: bulk\r\nSubject:")
    delivery = await desk.deliver(
        'require ["vacation", "editheader"]; deleteheader "list-id"; deleteheader "precedence";'
        'vacation "away";',
        message,
    )
    assert not delivery.sendings


async def test_an_answer_says_what_it_needs_of_the_next_hop(desk):
    script = 'require "vacation"; vacation :mime "Content-Type: text/plain\n\nGrüße";'
    (sending,) = (await desk.deliver(script)).sendings
    envelope, content = sending.envelope, sending.content
    assert envelope.parameters == {"BODY": "8BITMIME"}
    assert content.read().endswith("\r\n\r\nGrüße".encode())


async def test_vacation_and_a_null_sender(desk):
    delivery = await desk.deliver('require "vacation"; vacation "away";', sender=None)
    assert not delivery.sendings
    assert filed(delivery) == [("INBOX", ())]


async def test_vacation_seconds_is_bounded_below(desk):
    script = 'require "vacation-seconds"; vacation :seconds 1 "away";'
    await desk.commit(await desk.deliver(script))
    desk.clock.advance(3_500)
    assert not (await desk.deliver()).sendings
    desk.clock.advance(101)
    assert (await desk.deliver()).sendings


async def test_duplicate(desk):
    script = 'require "duplicate"; if duplicate { discard; }'
    first = await desk.commit(await desk.deliver(script))
    assert first.filings
    assert not (await desk.deliver()).filings
    assert (await desk.deliver(None, MESSAGE.replace(b"<1@", b"<2@"))).filings
    desk.clock.advance(7 * 86400 + 1)
    assert (await desk.deliver()).filings


async def test_duplicate_last_counts_anew(desk):
    script = 'require "duplicate"; if duplicate :seconds 100 :last { discard; }'
    await desk.commit(await desk.deliver(script))
    for _ in range(3):
        desk.clock.advance(90)
        assert not (await desk.commit(await desk.deliver())).filings


async def test_editheader_leaves_the_body_alone(desk):
    delivery = await desk.deliver(
        'require ["editheader", "fileinto"]; addheader "X-A" "1"; fileinto "a";'
        'deleteheader "subject"; addheader :last "X-Z" "9"; fileinto "b";'
    )
    first, second = (filing.content for filing in delivery.filings)
    assert first.read() == b"X-A: 1\r\n" + delivery.content.read()
    assert first.blob is delivery.content.blob
    octets = second.read()
    assert octets.startswith(b"X-A: 1\r\nReturn-Path: <x@example.net>\r\n")
    assert octets.endswith(b"X-Z: 9\r\n\r\nA body.\r\n")
    assert b"Subject" not in octets


async def test_editheader_of_the_implicit_keep_and_a_redirect(desk):
    delivery = await desk.deliver(
        'require ["editheader", "copy"]; deleteheader "subject"; redirect :copy "y@a.example";'
    )
    octets = delivery.filings[0].content.read()
    assert b"Subject" not in octets
    sent = delivery.sendings[0].content.read()
    assert b"Subject" not in sent
    assert b"Return-Path" not in sent
    assert sent.startswith(b"X-Sieve-Redirected-From: alice@example.org\r\nDelivered-To:")


async def test_protected_fields_stay(desk):
    delivery = await desk.deliver(
        'require "editheader"; deleteheader "Delivered-To"; deleteheader "Received";'
    )
    assert delivery.filings[0].content is delivery.content
    assert any("protected" in note for note in delivery.notes)


async def test_reject_is_a_status(desk):
    delivery = await desk.deliver('require "reject"; reject "No\r\nGrüße please";')
    assert str(delivery.rejection) == "550 5.7.1 No Grusse please"


async def test_ereject_is_a_status(desk):
    delivery = await desk.deliver('require "ereject"; ereject "Not here";')
    assert delivery.rejection.is_permanent


async def test_mailboxexists(desk):
    handle = await desk.account()
    await handle.create("Work")
    script = (
        'require ["mailbox", "fileinto"]; if mailboxexists ["Work", "inbox"] { fileinto "Work"; }'
        'if mailboxexists "none" { fileinto "none"; } if mailboxexists "a//b" { fileinto "x"; }'
    )
    assert filed(await desk.deliver(script)) == [("Work", ())]


async def test_annotations(desk):
    handle = await desk.account()
    inbox = await handle.mailbox("INBOX")
    await inbox.annotate("/private/comment", "grün".encode())
    await handle.annotate("/private/vendor/x", b"on")
    delivery = await desk.deliver(
        'require ["mboxmetadata", "servermetadata", "fileinto"];'
        'if metadata :is "INBOX" "/private/Comment" "grün" { fileinto "a"; }'
        'if servermetadataexists ["/private/vendor/x"] { fileinto "b"; }'
        'if metadataexists "none" "/private/comment" { fileinto "c"; }'
    )
    assert filed(delivery) == [("a", ()), ("b", ())]
