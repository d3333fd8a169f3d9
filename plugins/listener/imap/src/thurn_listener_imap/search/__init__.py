"""SEARCH: the keys compiled to a program, the cheap ones first."""
