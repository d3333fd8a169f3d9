"""Mail addresses: the parsed type of `thurn_message`, the only code that judges an address."""

from thurn_message.address import Address, AddressError

__all__ = ["Address", "AddressError"]
