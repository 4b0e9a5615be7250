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
    rules_digest,
)
from nhiscan.rule.loading import load
from nhiscan.rule.message import commands, sentence
from nhiscan.rule.sandbox import Sandbox, SqlRefused

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
    "SqlRefused",
    "commands",
    "load",
    "rules_digest",
    "sentence",
]
