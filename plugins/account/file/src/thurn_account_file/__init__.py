"""Accounts, addresses and aliases from one file (`account.file`).

Start reading at `book`, which has the rules of names and addresses. `accounts` is the product, and
`document` is the form of the file.
"""
