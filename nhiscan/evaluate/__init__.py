"""Judges the inventory of a scan by the rules, and keeps what they gave as history."""

from nhiscan.evaluate.engine import Count, Evaluation, RuleFailed, evaluate
from nhiscan.evaluate.examples import check, mutants, run_example, run_examples, surviving
from nhiscan.evaluate.store import Kept, keep
from nhiscan.evaluate.upkeep import OPEN

__all__ = [
    "OPEN",
    "Count",
    "Evaluation",
    "Kept",
    "RuleFailed",
    "check",
    "evaluate",
    "keep",
    "mutants",
    "run_example",
    "run_examples",
    "surviving",
]
