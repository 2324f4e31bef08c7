"""The mydata command."""
