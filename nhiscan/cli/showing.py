"""The findings of one scan in the format asked for, and the exit code they give. For scan, findings, evaluate."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from nhiscan import __version__
from nhiscan.cli.rows import COLUMNS, FIELDS, Row, as_judged, by_severity, rows, worst_first
from nhiscan.cli.workspace import LOG
from nhiscan.text import plural

if TYPE_CHECKING:
    from nhiscan.cli.reading import Reading
    from nhiscan.cli.workspace import Workspace
    from nhiscan.rule import Rule


def show(
    workspace: "Workspace",
    stored: "Reading",
    rules: Sequence["Rule"],
    *,
    wanted: Callable[[Row], bool],
    everything: bool = False,
    explain: bool = False,
) -> dict[str, int]:
    """Write the findings that are ``wanted``; gives the open ones among them by severity.

    People see the worst first, and with ``explain`` all that is to be said of each; documents are sorted by rule. A
    short list must not look like a clean one: how many items could not be determined is said beside it.
    """
    parameters, changed = as_judged(stored, rules, workspace.parameters(rules))
    if changed:
        names = ", ".join(changed[:5]) + (" and more" if len(changed) > 5 else "")
        LOG.warning(
            "these rules are not what scan %d was judged by: %s. Judge it anew: nhiscan evaluate --scan %d",
            stored.info.number,
            names,
            stored.info.number,
        )

    def selected() -> Iterator[Row]:
        return (row for row in rows(stored, rules, parameters, everything=everything) if wanted(row))

    counted = by_severity(selected())
    if workspace.output.format == "sarif":
        from nhiscan.cli import sarif

        workspace.output.give(sarif.document(rules, stored.scan, _sentences(stored), selected()))
    elif workspace.output.format != "table":
        head = _head(stored, rules, parameters, counted)
        workspace.output.rows("findings", head, COLUMNS, selected(), FIELDS)
    elif explain:
        from nhiscan.cli.explaining import explained

        workspace.output.give(explained(worst_first(selected()), workspace.output.width))
    else:
        shown = ({column.key: row.get(column.key) for column in COLUMNS} for row in selected())
        workspace.output.rows("findings", {}, COLUMNS, worst_first(shown), FIELDS)
    unknown = _undetermined(stored)
    if unknown and not everything and not workspace.quiet:
        words = f"{plural(unknown, 'item')} could not be determined: nhiscan findings --all tells which and why"
        click.echo(f"nhiscan: {words}", err=True)
    return counted


def _undetermined(stored: "Reading") -> int:
    from nhiscan.findings import counts

    return sum(count.unknown for count in counts(stored.sql, stored.info.number))


def _head(
    stored: "Reading",
    rules: Sequence["Rule"],
    parameters: Mapping[str, Mapping[str, int]],
    counted: Mapping[str, int],
) -> dict[str, Any]:
    return {
        "nhiscan": __version__,
        "scan": stored.scan,
        "counts": {
            "identities": stored.count("identity"),
            "credentials": stored.count("credential"),
            "findings": dict(counted),
            "undetermined": _undetermined(stored),
        },
        "rules": [
            {"id": rule.id, "severity": rule.severity, "sha256": rule.sha256, "parameters": dict(parameters[rule.id])}
            for rule in rules
            if rule.id in parameters
        ],
    }


def _sentences(stored: "Reading") -> list[str]:
    """Gaps and differences, one sentence each."""
    names = stored.scope_names
    gaps = [
        f"{names.get(gap['scope'], gap['scope'])}: {gap['source']} was {gap['state']}"
        + (f", {gap['permission']} is missing" if gap["permission"] else "")
        for gap in stored.gaps
    ]
    differences = [
        f"{names.get(one['scope'], one['scope'])}: {one['what']}: {one['source_a']} gave {one['count_a']}, "
        f"{one['source_b']} counts {one['count_b']}"
        for one in stored.differences
    ]
    return [*gaps, *differences]
