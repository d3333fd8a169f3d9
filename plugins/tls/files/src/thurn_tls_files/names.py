"""The names for which a certificate is: DNS names of its subject alternative names, in A-labels.

The one module that needs an X.509 library; with a single pair nobody asks it. A common name is
not looked at: clients do not either. RFC 9525 §2.
"""

from __future__ import annotations


def certificate_names(pem: bytes) -> tuple[str, ...]:
    """Lower-case names of the first certificate in a PEM text; wildcards as they are.

    Raises:
        ValueError: no certificate can be read.

    RFC 5280 §4.2.1.6.
    """
    from cryptography import x509  # noqa: PLC0415 - 80 ms, and only several pairs need it

    certificate = x509.load_pem_x509_certificates(pem)[0]
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(name.lower() for name in extension.value.get_values_for_type(x509.DNSName))


def find_name(names: dict[str, int], asked: str) -> int | None:
    """The number of the pair for a name: exactly, else by a wildcard for its first label.

    RFC 9525 §6.3.
    """
    name = asked.lower().rstrip(".")
    found = names.get(name)
    if found is None:
        first, dot, rest = name.partition(".")
        if first and dot:
            found = names.get(f"*.{rest}")
    return found
