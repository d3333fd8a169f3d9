"""Sans-IO protocol engines for mail: SMTP, LMTP, POP3 and IMAP, both sides; the PROXY header."""
