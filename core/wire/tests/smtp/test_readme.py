"""The glue in the README works as it stands there."""

from __future__ import annotations

from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_glue():
    section = README.read_text(encoding="utf-8").split("\n## SMTP and LMTP\n")[1].split("\n## ")[0]
    names = {}
    for block in section.split("```python\n")[1:]:
        exec(compile(block.split("```")[0], str(README), "exec"), names)
    received = iter(
        [
            b"EHLO c\r\n",
            b"MAIL FROM:<a@b>\r\nRCPT TO:<x@else.where>\r\nRCPT TO:<c@example.org>\r\nDA",
            b"TA\r\n",
            b"Subject: x\r\n\r\n.",
            b".\r\n.\r\nSTARTTLS\r\nQUIT\r\n",
        ]
    )
    sent, stored = [], []
    names["serve"](lambda _: next(received), sent.append, lambda *what: stored.append(what))
    assert stored == [((b"c@example.org",), b"Subject: x\r\n\r\n.\r\n")]
    assert b"550 5.7.1 Not here\r\n" in sent[2]
    assert sent[-1].startswith(b"250 2.0.0 Stored\r\n502 ")
    assert sent[-1].endswith(b"221 2.0.0 mx.example.org closing\r\n")
