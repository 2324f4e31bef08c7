"""What each page shows: frozen data, one module per portal; templates know nothing else.

Text that comes from the catalogue or a register (types, fields, purposes, names) is already in the reader's
language; states stay codes, which `api.portals.wording` puts into words; times are UTC milliseconds, days are
`2026-11-22`.
"""
