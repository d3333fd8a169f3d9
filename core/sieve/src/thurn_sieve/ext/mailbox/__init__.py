"""Tests of mailboxes, and making them: mailboxexists, `:create`. RFC 5490 §3."""
