"""Delivery: from a message that the filters have accepted to its durable copies, in one direction.

`deliver` has the steps in their order; each of these files makes the value that the next one takes:
`copies` (by `local`, which runs the rules of one account on the verbs of `record`), `disposition`,
`onward` (with `report`), `entries` (which pass the stage `outgoing`), and `deposits`, which commits
all of it. `edits` changes headers; `parts` is what a listener's delivery consists of.
"""
