"""The vocabulary: values that pass between listeners, rules, filters, stores and the host.

Rules of this folder: it imports nothing of thurn but itself; values are frozen, except the records
of what is still going on (a session, a transaction); it uses no protocol's words but SMTP's
(envelope, recipient, status), which are the vocabulary of mail itself.
"""
