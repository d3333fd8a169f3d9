"""Comparators, match types, and the matcher that puts them together."""
