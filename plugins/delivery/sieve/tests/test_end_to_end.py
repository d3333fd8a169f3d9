"""SMTP and LMTP in, scripts, mailboxes out: a whole site in this process, real sockets."""

from __future__ import annotations

import smtplib

import pytest
import trio
from thurn_testing.server import open_server

# The example script of the mission's slides, as it stands there.
SLIDES = b"""require ["fileinto"];

if allof (header :contains "subject" "urgent") {
redirect "joerg@i250.de";

}

if allof (header :contains "subject" "kongress") {
fileinto "INBOX.KNF.Kongress";

}

elsif allof (header :contains "subject" "[tc]") {
fileinto "INBOX.KNF.Technik";

}

elsif allof (header :contains "subject" "ADV:") {
discard ;

}

else {
keep;

}
"""


def send(port, recipients, subject, *, sender="x@example.net", extra=b""):
    message = (
        b"From: <x@example.net>\r\nTo: alice@example.org, bob@example.org\r\n"
        b"Subject: %b\r\nMessage-ID: <%d@example.net>\r\n%b\r\nA body.\r\n"
        % (subject.encode(), abs(hash((subject, tuple(recipients)))), extra)
    )
    with smtplib.SMTP("127.0.0.1", port, "client.example.net", timeout=10) as client:
        return client.sendmail(sender, recipients, message)


class Server:
    def __init__(self, server):
        self.server = server

    async def activate(self, script, account="alice"):
        handle = await self.server.open_account(account)
        await handle.put_document("sieve", "main", script)
        await handle.activate_document("sieve", "main")

    async def send(self, *recipients, subject="hello", **facts):
        return await self.server.in_thread(
            send, self.server.port("mx"), list(recipients), subject, **facts
        )

    async def mail(self, account="alice"):
        """Mailbox → subjects of its messages."""
        handle = await self.server.open_account(account)
        messages = {}
        for record in await handle.mailboxes():
            mailbox = await handle.mailbox(record.name)
            view = await mailbox.view()
            contents = [await mailbox.body(uid) for uid in view.uids]
            if contents:
                messages[record.name] = [
                    (content.scan.get(b"subject") or b"").decode() for content in contents
                ]
        return messages

    async def queued(self):
        entries = await self.server.site.products["queue", "main"].entries()
        return [
            (str(entry.envelope.sender or ""), str(one.address))
            for entry in entries
            for one in entry.envelope.recipients
        ]


@pytest.fixture
async def mail(tmp_path, site_tables):
    async with open_server(site_tables(tmp_path), tmp_path) as server:
        yield Server(server)


@pytest.mark.parametrize(
    ("subject", "where", "onward"),
    [
        ("URGENT: read this", {"INBOX": ["URGENT: read this"]}, ["joerg@i250.de"]),
        ("Der Kongress", {"INBOX.KNF.Kongress": ["Der Kongress"]}, []),
        ("[TC] Treffen", {"INBOX.KNF.Technik": ["[TC] Treffen"]}, []),
        ("ADV: buy this", {}, []),
        ("hello", {"INBOX": ["hello"]}, []),
    ],
)
async def test_the_script_of_the_slides(mail, subject, where, onward):
    await mail.activate(SLIDES)
    await mail.send("alice@example.org", subject=subject)
    assert await mail.mail() == where
    assert await mail.queued() == [("x@example.net", address) for address in onward]


async def test_the_separator_makes_a_tree_of_the_slides_mailbox(tmp_path, site_tables):
    tables = site_tables(tmp_path)
    tables["store"]["main"]["separator"] = "."
    async with open_server(tables, tmp_path) as server:
        mail = Server(server)
        await mail.activate(SLIDES)
        await mail.send("alice@example.org", subject="kongress")
        handle = await server.open_account("alice")
        names = [record.name for record in await handle.mailboxes()]
        assert names == ["INBOX", "INBOX.KNF", "INBOX.KNF.Kongress"]


async def test_without_a_script_mail_is_in_the_inbox(mail):
    await mail.send("alice@example.org")
    assert await mail.mail() == {"INBOX": ["hello"]}


async def test_reject_is_the_reply(mail):
    await mail.activate(b'require "reject"; reject "Not today";')
    with pytest.raises(smtplib.SMTPDataError) as refused:
        await mail.send("alice@example.org")
    assert refused.value.smtp_code == 550
    assert b"5.7.1" in refused.value.smtp_error
    assert b"Not today" in refused.value.smtp_error
    assert await mail.mail() == {}
    assert await mail.queued() == []


async def test_one_rejects_one_accepts(mail):
    await mail.activate(b'require "reject"; reject "Not today";')
    await mail.send("alice@example.org", "bob@example.org")
    assert await mail.mail("alice") == {}
    assert await mail.mail("bob") == {"INBOX": ["hello"]}
    assert await mail.queued() == [("", "x@example.net")]


async def test_a_null_sender_gets_no_report(mail):
    await mail.activate(b'require "reject"; reject "Not today";')
    await mail.send("alice@example.org", "bob@example.org", sender="")
    assert await mail.mail("bob") == {"INBOX": ["hello"]}
    assert await mail.queued() == []


async def test_a_redirect_to_a_neighbour_runs_their_script(mail):
    await mail.activate(b'redirect "bob@example.org";')
    await mail.activate(b'require "fileinto"; fileinto "From alice";', account="bob")
    await mail.send("alice@example.org")
    assert await mail.mail("alice") == {}
    assert await mail.mail("bob") == {"From alice": ["hello"]}


@pytest.mark.parametrize("sender", ["x@example.net", ""])
async def test_a_ring_of_redirects_ends_in_the_inbox_of_who_closes_it(mail, sender):
    await mail.activate(b'redirect "bob@example.org";')
    await mail.activate(b'redirect "alice@example.org";', account="bob")
    await mail.send("alice@example.org", sender=sender)
    assert (await mail.mail("alice"), await mail.mail("bob")) == ({}, {"INBOX": ["hello"]})
    assert await mail.queued() == []
    (record,) = mail.server.journal(1)
    (kept,) = [stage for stage in record["stages"] if stage.get("reason") == "delivery.kept"]
    assert kept["by"] == "account bob"
    assert "alice@example.org: 554 5.4.6" in kept["detail"]


@pytest.mark.parametrize("sender", ["x@example.net", ""])
async def test_a_redirect_to_nobody_leaves_the_keep(mail, sender):
    await mail.activate(b'redirect "nobody@example.org";')
    await mail.send("alice@example.org", sender=sender)
    assert await mail.mail() == {"INBOX": ["hello"]}
    assert await mail.queued() == []
    (record,) = mail.server.journal(1)
    assert "nobody@example.org: 550" in record["stages"][-1]["detail"]


async def test_what_is_filed_already_is_not_filed_again(mail):
    await mail.activate(
        b'require ["copy", "fileinto"]; redirect :copy "nobody@example.org"; fileinto "there";'
    )
    await mail.send("alice@example.org")
    assert await mail.mail() == {"there": ["hello"]}
    (record,) = mail.server.journal(1)
    assert record["stages"][-1]["decision"] == "filed already"


async def test_a_redirect_that_its_target_rejects_leaves_the_keep(mail):
    await mail.activate(b'redirect "bob@example.org";')
    await mail.activate(b'require "reject"; reject "Not today";', account="bob")
    await mail.send("alice@example.org")
    assert (await mail.mail("alice"), await mail.mail("bob")) == ({"INBOX": ["hello"]}, {})
    assert await mail.queued() == []


async def test_vacation_answers_once(mail):
    await mail.activate(b'require "vacation"; vacation :subject "away" "I am away.";')
    for subject in ("one", "two"):
        await mail.send("alice@example.org", subject=subject)
    assert await mail.mail() == {"INBOX": ["one", "two"]}
    assert await mail.queued() == [("", "x@example.net")]


async def test_two_who_are_away_do_not_answer_each_other(mail):
    for account in ("alice", "bob"):
        await mail.activate(b'require "vacation"; vacation "I am away.";', account=account)
    await mail.send("alice@example.org", sender="bob@example.org")
    assert await mail.mail("alice") == {"INBOX": ["hello"]}
    assert await mail.mail("bob") == {"INBOX": ["Auto: hello"]}
    assert await mail.queued() == []


async def test_a_broken_script_loses_nothing(mail):
    await mail.activate(b"this is no script")
    await mail.send("alice@example.org")
    inbox = (await mail.mail())["INBOX"]
    assert inbox == ["hello", 'Your mail filter "main" failed']
    (record,) = mail.server.journal(1)
    assert "script main failed: line 1" in record["stages"][-1]["detail"]


async def test_flags_and_edits_arrive(mail):
    await mail.activate(
        b'require ["imap4flags", "editheader"]; addflag ["\\\\Seen", "$Label1"];'
        b'addheader "X-Filtered" "yes";'
    )
    await mail.send("alice@example.org")
    inbox = await (await mail.server.open_account("alice")).mailbox("INBOX")
    view = await inbox.view()
    names = {name for bit, name in enumerate(view.flag_names) if view.flags[0] >> bit & 1}
    assert names == {"\\Seen", "$Label1"}
    octets = (await inbox.body(view.uids[0])).read()
    assert octets.startswith(b"X-Filtered: yes\r\nReturn-Path: <x@example.net>\r\n")
    assert octets.endswith(b"\r\n\r\nA body.\r\n")


async def test_many_at_once(mail):
    await mail.activate(SLIDES)
    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(
                lambda n=number: mail.send("alice@example.org", subject=f"kongress {n}")
            )
    assert len((await mail.mail())["INBOX.KNF.Kongress"]) == 20
