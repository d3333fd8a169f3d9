"""What changes are made of: `kind` has every kind of operation as the log's records spell it,
`perform` does them to the index, `uidset` packs the UIDs that they name.
"""
