"""The mail flow: one file per stage of receiving, in the order of a message's life.

`flow` is the object that listeners get. `envelope` judges connection, hello, sender and recipient.
`message` answers the end of data: `submission` completes what a person's mail program has sent,
`trace` writes the Received field, and then `thurn.delivery` stores it; `late` recognises a repeat.
`stages` asks the rules of all these, `sessionrules` those that belong to one session, and `plan` is
what a listener's flow consists of.
"""
