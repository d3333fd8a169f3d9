"""QUOTA for the IMAP listener (`imap.quota`). Start reading at `extension`."""
