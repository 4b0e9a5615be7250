"""The first stage: from what connectors show to a stored scan. See `scan`."""

from nhiscan.collect.look import Looked, look
from nhiscan.collect.opening import session_scope, session_source
from nhiscan.collect.order import BadDeclaration
from nhiscan.collect.outcome import Progress, ScanOutcome
from nhiscan.collect.runner import scan

__all__ = ["BadDeclaration", "Looked", "Progress", "ScanOutcome", "look", "scan", "session_scope", "session_source"]
