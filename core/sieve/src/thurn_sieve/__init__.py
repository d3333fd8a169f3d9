"""The Sieve language (RFC 5228): compile, evaluate, perform; pure, no I/O.

Start reading at `engine`, then `registry` (what an extension declares), `runtime` (what its code
gets) and `result` (what comes out).
"""
