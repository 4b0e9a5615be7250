"""Reads what the rules gave: results with their facts and commands, counts, and findings with their history."""

from nhiscan.findings.following import Event, Finding, events, findings
from nhiscan.findings.results import Result, RuleCount, counts, results
from nhiscan.findings.scopes import scope_names

__all__ = ["Event", "Finding", "Result", "RuleCount", "counts", "events", "findings", "results", "scope_names"]
