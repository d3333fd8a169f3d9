"""Sockets: binding, accepting, bounding, encrypting. No protocol is spoken here.

Reading order: bind (specification to listening socket), limits (who may have how many), listen
(the accept loop and the life of one connection), connection (what a listener gets).
"""
