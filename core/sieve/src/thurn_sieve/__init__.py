"""The Sieve language (RFC 5228): compile, evaluate, perform; pure, no I/O.

Start reading at `engine`, then `registry` (what an extension declares), `runtime` (what the code
of an extension is given) and `result` (what a run produces).
"""
