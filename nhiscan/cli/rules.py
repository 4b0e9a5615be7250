"""nhiscan rules: what is judged, and whether the user's own rules are sound."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nhiscan import __version__
from nhiscan.cli import options
from nhiscan.cli.ending import OK, USAGE, Stop
from nhiscan.cli.output import Column, dumps
from nhiscan.cli.workspace import Workspace

if TYPE_CHECKING:
    from nhiscan.rule import Rule

_FIELDS = (
    "id", "title", "severity", "status", "subject", "providers", "needs", "controls", "parameters", "sha256", "path",
)  # fmt: skip


@click.group(epilog="Example: nhiscan rules show access-key-not-rotated")
def rules() -> None:
    """List, show and check rules."""


@rules.command("list", epilog="Example: nhiscan rules list --format csv -o rules.csv")
@options.data(*options.ROWS)
@options.rules
@options.basics
@click.pass_context
def list_rules(ctx: click.Context) -> None:
    """List the rules that would run."""
    workspace = Workspace(ctx)
    found = workspace.rules()
    workspace.refuse()
    parameters = workspace.parameters(found)
    columns = (Column("id", "id"), Column("severity", "severity"), Column("status", "status"), Column("title", "title"))
    rows = (_row(rule, parameters[rule.id]) for rule in sorted(found, key=lambda rule: rule.id))
    workspace.output.rows("rules", {"nhiscan": __version__}, columns, rows, _FIELDS)


@rules.command(epilog="Example: nhiscan rules show access-key-not-rotated")
@click.argument("rule_id", metavar="ID")
@options.data("table", "json")
@options.rules
@options.basics
@click.pass_context
def show(ctx: click.Context, rule_id: str) -> None:
    """Show all of one rule.

    What it finds, why it matters, when it is wrong, how to fix it, its parameters and its SQL.
    """
    from nhiscan.config import nearest

    workspace = Workspace(ctx)
    found = {rule.id: rule for rule in workspace.rules()}
    workspace.refuse()
    if rule_id not in found:
        raise Stop(USAGE, f"unknown rule {rule_id!r}{nearest(rule_id, found)}")
    rule = found[rule_id]
    parameters = workspace.parameters([rule])[rule.id]
    if workspace.output.format == "json":
        workspace.output.give([dumps({"nhiscan": __version__, "rule": _whole(rule, parameters)}, pretty=True)])
    else:
        workspace.output.give(f"{line}\n" for line in _page(rule, parameters))


@rules.command(epilog="Example: nhiscan rules check our-rules")
@click.argument("folders", metavar="[DIR]...", nargs=-1, type=click.Path(path_type=Path))
@options.rules
@options.basics
@click.pass_context
def check(ctx: click.Context, folders: tuple[Path, ...]) -> None:
    """Check rule files and run their examples.

    Every problem is printed as path:line: message.

    Without a folder: the rules that ship, and those that the configuration and --rules name.
    """
    from nhiscan.evaluate import check as check_files

    workspace = Workspace(ctx)
    paths = [workspace.named("the command line", folder) for folder in folders] or workspace.rule_paths()
    workspace.refuse()
    problems = list(check_files(paths))
    workspace.output.give(f"{problem}\n" for problem in problems)
    count = sum(1 for path in paths for _ in ([path] if path.is_file() else path.rglob("*.toml")))
    click.echo(f"nhiscan: {count} rule files, {len(problems)} problems", err=True)
    ctx.exit(USAGE if problems else OK)


def _row(rule: "Rule", parameters: dict[str, int]) -> dict[str, Any]:
    return {
        "id": rule.id,
        "title": rule.title,
        "severity": rule.severity,
        "status": rule.status,
        "subject": rule.subject,
        "providers": list(rule.providers),
        "needs": list(rule.needs),
        "controls": [control.ref for control in rule.controls],
        "parameters": parameters,
        "sha256": rule.sha256,
        "path": str(rule.path),
    }


def _whole(rule: "Rule", parameters: dict[str, int]) -> dict[str, Any]:
    return {
        **_row(rule, parameters),
        "controls": [control._asdict() for control in rule.controls],
        "parameters": {
            name: {**param._asdict(), "value": parameters[name]} for name, param in sorted(rule.params.items())
        },
        "fail_stands": rule.fail_stands,
        "rationale": rule.rationale,
        "false_positives": list(rule.false_positives),
        "references": list(rule.references),
        "reasons": dict(rule.reasons),
        "remediation": {
            name: {**how._asdict(), "commands": list(how.commands)} for name, how in rule.remediation.items()
        },
        "message": rule.message,
        "sql": rule.sql,
    }


def _page(rule: "Rule", parameters: dict[str, int]) -> list[str]:
    providers = ", ".join(rule.providers) or "every provider"
    lines = [
        f"{rule.id}: {rule.title}",
        f"severity {rule.severity}, {rule.status}, judges every {rule.subject} of {providers}",
        "",
        "Why it matters",
        *_indented(rule.rationale),
        "",
        "When it is wrong",
        *(f"  - {text}" for text in rule.false_positives),
    ]
    for provider, how in rule.remediation.items():
        lines += ["", f"How to fix it ({provider})", *_indented(how.text)]
        lines += [f"    $ {command}" for command in how.commands]
        lines += [f"  Proof: {how.proof}"]
    if rule.params:
        lines += ["", f"Parameters ([rules.parameters.{rule.id}])"]
        for name, param in sorted(rule.params.items()):
            default = "" if parameters[name] == param.default else f", default {param.default}"
            lines.append(f"  {name} = {parameters[name]} ({param.unit}{default}): {param.about}")
    lines += ["", "Controls"]
    lines += [f"  {control.ref} ({control.strength}, {control.status}): {control.why}" for control in rule.controls]
    lines += ["", "Reasons", *(f"  {code}: {text}" for code, text in rule.reasons.items())]
    lines += ["", f"Needs: {', '.join(rule.needs) or 'nothing'}"]
    lines += ["References:", *(f"  {url}" for url in rule.references)]
    lines += [f"File: {rule.path}", f"SHA-256: {rule.sha256}", "", *rule.sql.strip().splitlines()]
    return lines


def _indented(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(" ".join(text.split()), width=100, initial_indent="  ", subsequent_indent="  ")
