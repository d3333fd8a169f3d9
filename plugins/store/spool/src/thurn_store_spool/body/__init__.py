"""The bodies of messages: `file` writes one file per message, once; `reading` finds a body in the
commit log or in its file; `sharing` gives a big body to many accounts; `summary` is what the index
holds of a message's text.
"""
