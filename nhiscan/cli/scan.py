"""nhiscan scan: read the planned scopes, store what was found, judge it."""

import json
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from nhiscan.cli import options
from nhiscan.cli.connecting import ConnectorCommand, flags, known, unnamed
from nhiscan.cli.ending import FAILED, INCOMPLETE, Stop, verdict
from nhiscan.cli.reading import Reading
from nhiscan.cli.rows import in_words, reaches
from nhiscan.cli.showing import show
from nhiscan.cli.watching import watching
from nhiscan.cli.workspace import LOG, Workspace, now
from nhiscan.text import plural, visible

if TYPE_CHECKING:
    from nhiscan.collect import ScanOutcome
    from nhiscan.connector import Connector, Settings
    from nhiscan.inventory import Finishing
    from nhiscan.model import Coverage
    from nhiscan.rule import Rule


@click.command(
    cls=ConnectorCommand,
    epilog="Example: nhiscan scan aws --account 111111111111 --role-name nhiscan-audit --fail-on high",
)
@click.argument("names", metavar="[CONNECTOR]...", nargs=-1)
@options.gate
@options.roster
@options.executor
@options.rules
@options.data(*options.FINDINGS)
@options.inventory
@options.basics
@click.pass_context
def scan(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Read identities and credentials and judge them.

    Without a connector those of the configuration are taken ([connectors.<name>] tables). The open findings of the
    scopes read go to standard output, the summary to standard error. Reading changes nothing at the provider.
    """
    from nhiscan import plugins
    from nhiscan.analysis import OWNER_TAGS
    from nhiscan.collect import scan as collect
    from nhiscan.executor import DEFAULT
    from nhiscan.rule import rules_digest

    workspace = Workspace(ctx)
    connectors = _plan(ctx, workspace, names)
    rules = workspace.rules()
    executor = workspace.settings.scan.executor or DEFAULT
    workspace.refuse()
    parameters = workspace.parameters(rules)
    _ = workspace.output  # a folder that does not exist is told before the first call
    inventory = workspace.opened()
    planned = [connector.name for connector, _ in connectors]

    def finish(finishing: "Finishing") -> None:
        finishing.facts("configuration", json.dumps(workspace.record(), sort_keys=True))
        judge(finishing, rules, parameters)

    with watching(quiet=workspace.quiet) as progress:
        outcome = collect(
            inventory,
            connectors,
            finish=finish,
            clock=now,
            sleep=time.sleep,
            run_id=lambda: str(uuid.uuid4()),
            executor_name=executor,
            rules_sha256=rules_digest(rules, parameters),
            parameters=json.dumps(parameters, sort_keys=True),
            analyzers=plugins.analyzers(),
            owner_tags=workspace.settings.owner_tags or OWNER_TAGS,
            progress=progress,
        )
    if outcome.number is None:
        raise Stop(FAILED, "\n".join(["nothing could be read:", *_grouped(outcome.gaps, planned)]))
    with inventory.bound(outcome.number) as bound:
        stored = Reading(bound.sql, bound.info)
        found = show(workspace, stored, rules, wanted=lambda row: row["scope"] in stored.planned)
        identities, credentials = stored.count("identity"), stored.count("credential")
    settings = workspace.settings.scan
    code = verdict(
        nothing=outcome.nothing_read,
        incomplete=outcome.incomplete,
        findings=reaches(found, settings.fail_on),
        allow_partial=settings.allow_partial,
    )
    for line in _unread(outcome, code, planned, allow_partial=settings.allow_partial):
        click.echo(f"nhiscan: {visible(line)}", err=True)
    if found and not workspace.quiet:
        click.echo("nhiscan: why each matters and how to fix it: nhiscan findings --explain", err=True)
    complete, listed = _complete(outcome)
    summary = (
        f"{complete} of {plural(listed, 'scope')} complete, "
        f"{identities} {'identity' if identities == 1 else 'identities'}, {plural(credentials, 'credential')}, "
        f"{in_words(found)}, {plural(len(outcome.gaps), 'gap')}; scan {outcome.number}, run {outcome.run}, "
        f"inventory {workspace.shown_place}"
    )
    click.echo(f"nhiscan: {visible(summary)}", err=True)
    sys.stderr.flush()
    ctx.exit(code)


def judge(finishing: "Finishing", rules: Sequence["Rule"], parameters: Mapping[str, Mapping[str, int]]) -> None:
    """Run the rules over a scan that is about to be finished, and keep what they give."""
    from nhiscan.evaluate import OPEN, evaluate, keep

    evaluation = evaluate(finishing.sql, rules, parameters, finishing.info.started_at, settle=OPEN)
    keep(finishing.sql, finishing.number, evaluation, rules, parameters)


def _plan(ctx: click.Context, workspace: Workspace, names: Sequence[str]) -> "list[tuple[Connector, Settings]]":
    """The connectors taking part with their settings, the register among them where a roster is given."""
    from nhiscan import plugins
    from nhiscan.executor import ExecutorError, threads

    taken = known(ctx, names or tuple(workspace.settings.connectors), workspace.connectors)
    if not taken:
        workspace.refuse()
        raise click.UsageError(unnamed(workspace.connectors), ctx)
    said = flags(ctx, taken, workspace.connectors)
    plan: list[tuple[Connector, Settings]] = [
        (workspace.connectors[name], workspace.connector_settings(name, said[name])) for name in taken
    ]
    registers = workspace.settings.registers
    if registers.people is not None:
        columns = tuple(f"{column}={header}" for column, header in registers.columns.items())
        settings: dict[str, Any] = {"people": str(registers.people), "columns": columns}
        plan.append((plugins.connectors()[plugins.REGISTER], settings))
    try:
        threads(workspace.settings.scan.executor or "threads:1")
    except ExecutorError as error:
        workspace.problems.append(str(error))
    return plan


def _complete(outcome: "ScanOutcome[None]") -> tuple[int, int]:
    """Scopes read in full, and scopes planned; a connector whose scopes could not be named counts as one."""
    gaps = {row.scope for row in outcome.gaps} | {pair.scope for pair in outcome.tie_outs}
    listed = {row.scope for row in outcome.coverage}
    return len(listed - gaps), len(listed)


def _unread(outcome: "ScanOutcome[None]", code: int, names: Sequence[str], *, allow_partial: bool) -> list[str]:
    """What is missing, grouped by cause, and what that means for the exit code."""
    lines = _grouped(outcome.gaps, names)
    lines += [
        f"{pair.scope}: {pair.what} do not agree: {pair.source_a} gave {pair.count_a}, "
        f"{pair.source_b} counts {pair.count_b}"
        for pair in outcome.tie_outs
    ]
    if outcome.incomplete and allow_partial:
        lines.append("the population is not proven complete (accepted by --allow-partial)")
    elif code == INCOMPLETE:
        lines.append("the population is not proven complete; --allow-partial accepts that")
    return lines


def _grouped(gaps: "Sequence[Coverage]", names: Sequence[str]) -> list[str]:
    """Gaps by cause, one line each, with the scopes where there are few and their number where there are many.

    ``names``: the connectors of the plan, for the remedy.
    """
    causes: dict[tuple[str, str, str], list[str]] = {}
    for row in gaps:
        cause = row.message or row.code or "no reason was given"
        if row.permission:  # the provider's sentence names the caller, which differs from scope to scope
            cause = f"{row.code}, {row.permission} is missing"
        causes.setdefault((row.state, row.source, cause), []).append(row.scope)
    together: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (state, source, cause), scopes in causes.items():
        together.setdefault((state, cause, tuple(scopes)), []).append(source)
    lines = []
    for (state, cause, where), sources in together.items():
        what = f"{', '.join(sources)} {state}"
        lines.append(f"{', '.join(where) if len(where) <= 3 else f'{len(where)} scopes'}: {what}: {cause}")
        if len(where) > 3:
            LOG.debug("%s in: %s", what, ", ".join(where))
    lacking = {row.scope.partition("/")[0] for row in gaps if row.permission}.intersection(names)
    return lines + [
        f"the permissions that a scan needs: nhiscan connectors permissions {name}" for name in sorted(lacking)
    ]
