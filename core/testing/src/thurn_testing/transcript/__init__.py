"""Transcripts: dialogues as text files, run against engines and against sockets."""

from __future__ import annotations

from thurn_testing.transcript.runner import Dialogue, MismatchError, run
from thurn_testing.transcript.script import Script, ScriptError, Step, load, parse

__all__ = ["Dialogue", "MismatchError", "Script", "ScriptError", "Step", "load", "parse", "run"]
