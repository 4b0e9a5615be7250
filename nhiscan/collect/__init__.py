"""The first stage: from what connectors show to a stored scan. See `scan`."""

from nhiscan.collect.opening import session_scope, session_source
from nhiscan.collect.order import BadDeclaration
from nhiscan.collect.outcome import Progress, ScanOutcome
from nhiscan.collect.runner import scan

__all__ = ["BadDeclaration", "Progress", "ScanOutcome", "scan", "session_scope", "session_source"]
