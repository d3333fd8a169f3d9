"""The way of every change through the commit log.

A change is work on a `draft`, which gives its operations their numbers and does them to the index;
`change` is such work as the log takes it, and `deposit` that of storing a message. `replay` does
what the log has and an index lacks after a crash; `settle` brings bodies from the log to their
files.
"""
