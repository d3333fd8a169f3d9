"""Mail addresses: the one parsed type, from `thurn_message`, which alone judges an address."""

from thurn_message.address import Address, AddressError

__all__ = ["Address", "AddressError"]
