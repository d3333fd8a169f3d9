"""The extensions of this distribution, one file or folder each, made like those of strangers.

`BUNDLED` is what the hook `thurn_imap_register_extension` of this plugin returns.
"""
