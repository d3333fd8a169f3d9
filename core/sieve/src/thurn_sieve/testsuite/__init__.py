"""Tests of Sieve scripts that are written in Sieve; the extension is like one of a third party.

Start reading at `suite` (which runs a file of tests), then `extension` (the commands).
"""
