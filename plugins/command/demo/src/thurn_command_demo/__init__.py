"""`thurn demo`: a whole site in one command. Start reading at `command`.

It is a distribution of its own, since it names every plugin that is shipped.
"""
