"""Chains for development and tests, behind ordinary JSON-RPC: `python -m devnet embedded|anvil`.

No product code imports this package, and it imports no product code: both meet over HTTP only.
"""
