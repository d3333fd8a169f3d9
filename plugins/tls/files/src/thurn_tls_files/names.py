"""The names that a certificate is for: the DNS names among its subject alternative names.

Rules of this file: the names are in A-labels. Common names are ignored, as clients ignore them
(RFC 9525 §2). This is the only module that needs an X.509 library, and only with several pairs.
"""

from __future__ import annotations


def certificate_names(pem: bytes) -> tuple[str, ...]:
    """The names of the first certificate in a PEM text, in lower case; wildcards as they are.

    Raises:
        ValueError: the text contains no certificate that can be read.

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
    """The number of the pair for a name: with exactly this name, else with a wildcard for it.

    RFC 9525 §6.3.
    """
    name = asked.lower().rstrip(".")
    number = names.get(name)
    if number is None:
        first, dot, rest = name.partition(".")
        if first and dot:
            number = names.get(f"*.{rest}")
    return number
