"""FETCH: the wanted items compiled once, then run over the messages."""
