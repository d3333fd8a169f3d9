"""Imports of accounts: a reader for each form of file, one document, and its application."""
