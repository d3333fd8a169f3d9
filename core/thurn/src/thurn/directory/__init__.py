"""Who an address or a login is: the accounts of the site, and what their names lead to.

`combined` makes one directory and one verifier of several account instances; `expansion` follows an
address to the accounts and foreign addresses that it stands for; `stores` opens the store of an
account. The gate, the stages of receiving and delivery all ask here, and nowhere else.
"""
