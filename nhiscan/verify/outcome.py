"""What a check gives."""

from typing import NamedTuple


class Check(NamedTuple):
    """One thing that was looked at. ``name`` groups checks of a kind, ``message`` names the file and the reason."""

    name: str
    ok: bool
    message: str


class Unreadable(Exception):
    """A file of the package cannot be used. The message names the file, the line where there is one, and the reason."""
