"""FETCH: the items that are asked for, compiled once and then run over the messages."""
