"""Each transcript: whole, in turn, octet by octet, in seeded cuts."""

from __future__ import annotations

from pathlib import Path

import pytest
from thurn_testing.transcript import load, run

FILES = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_transcript(path, make_session):
    run(load(path), make_session)


def test_there_are_transcripts():
    assert len(FILES) >= 30
