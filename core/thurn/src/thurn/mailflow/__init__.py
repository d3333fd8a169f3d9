"""The mail flow: one file per stage of receiving, in the order of a message's life.

`flow` is the object that listeners get; `stages` asks the rules; `envelope` judges connection,
hello, sender and recipient;
`trace` writes the Received field; `edits` carries out what filters ask for; `message` answers the
end of data; `replies` turns what happened per recipient into replies.
"""
