"""The IMAP glue in the README works as it stands there."""

from __future__ import annotations

from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def blocks():
    text = README.read_text(encoding="utf-8").split("\n## IMAP\n")[1].split("\n## ")[0]
    for block in text.split("```python\n")[1:]:
        names = {"__name__": __name__}
        exec(compile(block.split("```")[0], str(README), "exec"), names)
        yield names


def test_glue():
    received = iter([b"a LOGIN alice {6}\r\n", b"secret\r\nb NO", b"OP\r\nc LOGOUT\r\n"])
    sent = []
    next(blocks())["serve_imap"](lambda _: next(received), sent.append)
    assert sent == [
        b"* OK ready\r\n",
        b"+ go on\r\n",
        b"a OK welcome\r\n",
        b"b OK NOOP done\r\n* BYE Until next time\r\nc OK LOGOUT done\r\n",
    ]


def test_extension(run, make_selected):
    names = list(blocks())[1]
    engine = make_selected(grammar=names["extended"])
    (event,) = run(engine, b"b SEARCH YOUNGER 60\r\n")
    assert event.command.key == names["Younger"](60)
