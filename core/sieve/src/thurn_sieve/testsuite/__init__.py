"""Tests of Sieve scripts, written in Sieve: an extension as a third party would write one.

Start reading at `suite` (runs a file of tests), then `extension` (the commands).
"""
