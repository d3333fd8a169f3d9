"""The default mail store: write-once message files and one SQLite index per account (design D12).

Start reading at `place` (what lies where) and `schema` (what the index holds); then a message's
way: `append` (the change), `operation` (what the log's record says), `perform` (what it does to the
index), `settle` (the body's file) and `replay` (after a crash). Reading: `columns`, `mailbox`.
"""
