"""The vocabulary: values that pass between listeners, rules, filters, stores and the host.

Rules of this folder: it imports nothing of thurn but itself; values are frozen unless they are
the record of something that goes on (a session, a transaction); no protocol words but SMTP's
(envelope, recipient, status), which are the vocabulary of mail itself.
"""
