"""The listener keeps the contracts of its role: the kits speak SMTP and LMTP by these scripts."""

from __future__ import annotations

import base64
import re

import pytest
from thurn_listener_smtp.factory import smtp
from thurn_listener_smtp.settings import SmtpSettings
from thurn_testing.contracts.listener import check_listener
from thurn_testing.contracts.listener_receiving import check_receiving_listener
from thurn_testing.fakes.gate import NAME, PASSWORD
from thurn_testing.fakes.mailflow import SIZE_LIMIT_OCTETS

ANSWERS = {b"2": "success", b"3": "success", b"4": "temporary", b"5": "permanent"}
REPLY = re.compile(rb"^(\d)\d\d(?: [^\r\n]*)?\r\n", re.MULTILINE)
"""The last line of a reply. RFC 5321 §4.2.1."""


class Script:
    """A client of SMTP, or of LMTP with the verb LHLO."""

    chatter, start_tls, hello = b"NOOP\r\n", b"STARTTLS\r\n", "client.example"

    def __init__(self, verb):
        self.verb = verb
        self.replies = "each" if verb == b"LHLO" else "one"

    def judge(self, octets):
        return self.all_answers(octets)[-1]

    @staticmethod
    def all_answers(octets):
        return [ANSWERS[digit] for digit in REPLY.findall(octets)] or ["nothing"]

    async def greet(self, client):
        answer = self.judge(await client.say())
        if answer != "success":
            return answer
        return self.judge(await client.say(b"%s client.example\r\n" % self.verb))

    async def work(self, client):
        words = base64.b64encode(f"\0{NAME}\0{PASSWORD}".encode())
        await client.say(b"AUTH PLAIN\r\n")
        await client.say(words + b"\r\n")
        await client.say(b"MAIL FROM:<ann@example.net>\r\n")
        await client.say(b"RCPT TO:<alice@example.org>\r\n")
        await client.say(b"QUIT\r\n")

    async def submit(self, client, mail):
        answer = self.judge(await client.say(b"MAIL FROM:<%s>\r\n" % mail.sender.encode()))
        if answer != "success":
            return [answer] * len(mail.recipients)
        answers = [
            self.judge(await client.say(b"RCPT TO:<%s>\r\n" % one.encode()))
            for one in mail.recipients
        ]
        accepted = [place for place, answer in enumerate(answers) if answer == "success"]
        if not accepted:
            return answers
        await client.say(b"DATA\r\n")
        content = re.sub(rb"(?:\A|(?<=\r\n))\.", b"..", mail.content)
        last = self.all_answers(await client.say(content + b".\r\n"))
        for place, answer in zip(accepted, last * len(accepted), strict=False):
            answers[place] = answer
        return answers


def opened(profile):
    settings = SmtpSettings(
        bind=("unix:/run/x",),
        profile=profile,
        sasl=("plain",),
        early_talkers="allow",
        size_limit=SIZE_LIMIT_OCTETS,
    )
    return lambda context: smtp.open(settings, context)


@pytest.mark.slow
@pytest.mark.parametrize(("profile", "verb"), [("mx", b"EHLO"), ("lmtp", b"LHLO")])
def test_it_keeps_the_promises_of_every_listener(profile, verb, tmp_path):
    check_listener(opened(profile), Script(verb), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("profile", "verb"), [("mx", b"EHLO"), ("lmtp", b"LHLO")])
def test_it_keeps_the_promises_of_listeners_that_receive_mail(profile, verb, tmp_path):
    check_receiving_listener(opened(profile), Script(verb), tmp_path)
