"""The glue in the README works as it stands there."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_glue():
    section = README.read_text(encoding="utf-8").split("\n## PROXY protocol\n")[1]
    names = {}
    code = section.split("```python\n")[1].split("```")[0]
    exec(compile(code, str(README), "exec"), names)
    stream = BytesIO(b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\nEHLO client.example\r\n")
    assert str(names["read_header"](stream.read).source) == "192.0.2.1:56324"
    assert stream.read() == b"EHLO client.example\r\n"
