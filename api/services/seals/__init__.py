"""Seals: whose they are, sealed certificates, joint sealing, and checking sealed files."""
