"""Rules as data: reads and checks rule files. None is run before it was compiled and found safe."""

from nhiscan.rule.definition import (
    ENGINE_FACTS,
    ENGINE_REASONS,
    Control,
    Example,
    Expected,
    Need,
    Param,
    ParameterError,
    Problem,
    Remediation,
    Rule,
    RuleErrors,
)
from nhiscan.rule.examples import bindings, check, mutants, run_example, run_examples, surviving
from nhiscan.rule.loading import load
from nhiscan.rule.message import command, sentence
from nhiscan.rule.sandbox import Sandbox

__all__ = [
    "ENGINE_FACTS",
    "ENGINE_REASONS",
    "Control",
    "Example",
    "Expected",
    "Need",
    "Param",
    "ParameterError",
    "Problem",
    "Remediation",
    "Rule",
    "RuleErrors",
    "Sandbox",
    "bindings",
    "check",
    "command",
    "load",
    "mutants",
    "run_example",
    "run_examples",
    "sentence",
    "surviving",
]
