"""Conformance kits, transcripts, fakes and an in-process server for thurn and its plugins."""
