"""Composition root of the service process."""
