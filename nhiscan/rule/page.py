"""The text of docs/rules.md, made from the rule files: ``python -m nhiscan.rule.page > docs/rules.md``."""

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby

from nhiscan.data import folder
from nhiscan.rule import Rule, load

HEAD = """\
# Rules

This page is made from the rule files by `python -m nhiscan.rule.page`; a test holds both equal. `nhiscan rules show ID`
prints a rule with its rationale, its false positives and its remedy. A parameter is changed under
`[rules.parameters.ID]` in `nhiscan.toml` and is printed in the evidence. *At* names the providers whose scopes a rule
judges. A rule leaves no row in scopes of others.

Criteria are those of the AICPA Trust Services Criteria 2017 (points of focus 2022), by id only, with the strength of
the support. All are proposals until somebody has reviewed them.
"""

TABLE = """
| rule | severity | flags | at | parameters | criteria |
| --- | --- | --- | --- | --- | --- |
"""


def page(rules: Sequence[Rule]) -> str:
    """The whole page: one table for each family, which is the folder of the rule."""
    families = groupby(
        sorted(rules, key=lambda rule: (rule.path.parent.name, rule.id)), lambda rule: rule.path.parent.name
    )
    return HEAD + "".join(part for family, members in families for part in _family(family, members))


def _family(family: str, rules: Iterator[Rule]) -> Iterator[str]:
    yield f"\n## {family.capitalize()}\n{TABLE}"
    for rule in rules:
        parameters = ", ".join(
            f"`{name}` = {param.default} {param.unit}".rstrip() for name, param in rule.params.items()
        )
        criteria = ", ".join(
            f"{control.ref.partition('#')[2]} {control.strength}"
            for control in rule.controls
            if control.ref.startswith("TSC@")
        )
        at = ", ".join(rule.providers) or "any"
        yield f"| `{rule.id}` | {rule.severity} | {rule.title} | {at} | {parameters} | {criteria} |\n"


if __name__ == "__main__":
    sys.stdout.write(page(load([folder("rules")])))
