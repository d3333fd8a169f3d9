"""SEARCH: the keys compiled to a program that asks cheap keys first."""
