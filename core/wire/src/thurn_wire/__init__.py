"""Sans-IO protocol engines for mail: SMTP, LMTP, POP3; server and client side."""
