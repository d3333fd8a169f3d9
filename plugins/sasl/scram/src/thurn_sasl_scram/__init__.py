"""SCRAM-SHA-256 and SCRAM-SHA-1 with and without -PLUS (`sasl.scram`).

Start reading at `mechanism` (the dialogue). `message` is the grammar of the client's messages, and
`storedkey` has the stored keys of accounts and the fake keys of unknown names.
"""
