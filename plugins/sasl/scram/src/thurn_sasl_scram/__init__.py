"""SCRAM-SHA-256 and SCRAM-SHA-1 with and without -PLUS (`sasl.scram`). Start reading at
`mechanism` (the dialogue); `message` is the grammar, `storedkey` what accounts have stored and what
is shown where they have nothing."""
