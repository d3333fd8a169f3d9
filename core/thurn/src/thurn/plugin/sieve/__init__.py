"""Tests and actions of the Sieve language as functions. Start reading in `functions`.

Nothing of `thurn_sieve` is imported before a plugin of the role `sieve` is opened.
"""
