"""Accounts of other sources: a reader for each form, one document, and how it is applied."""
