"""What identities can do and become, read from the tables that analyzers fill, put into words and drawn."""
