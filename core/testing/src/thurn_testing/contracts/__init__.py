"""Conformance kits: one public function per role, `check_<role>`; no pytest needed.

A plugin's `tests/test_contract.py` calls the kit of its role in three lines. A failed check is an
AssertionError that says what the contract promises.
"""
