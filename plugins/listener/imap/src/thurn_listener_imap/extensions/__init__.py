"""The extensions of this distribution, one file each, made with the means that strangers have.

`bundled.BUNDLED` is what the hook `thurn_imap_register_extension` of this plugin returns. A file
here imports only what the README (Extensions) lists, and a test proves it.
"""
