"""Version 1 of the HTTP interface. Each module is one noun."""
