"""Sockets: binding, accepting, bounding, encrypting. Nothing here speaks a protocol.

Reading order: bind (from a specification to a listening socket), limits (how many connections there
may be), listen (the accept loop and the life of one connection), connection (what a listener gets).
"""
