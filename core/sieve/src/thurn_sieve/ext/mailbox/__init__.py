"""mailboxexists, `:create`, and tests of annotations. RFC 5490."""
