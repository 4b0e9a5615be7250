"""nhiscan: inventory, hygiene rules and signed SOC 2 evidence for non-human identities and their credentials."""

__version__ = "0.1.0"
