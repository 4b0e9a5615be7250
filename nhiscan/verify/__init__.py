"""Checks an evidence package offline: its hashes, its signature, and that every verdict follows from its population.

Needs no database and no cloud. What is read was made by a stranger: nothing in it is trusted, and nothing makes it stop
before everything that can be checked has been checked.
"""

from nhiscan.verify.check import Verification, verify
from nhiscan.verify.outcome import Check

__all__ = ["Check", "Verification", "verify"]
