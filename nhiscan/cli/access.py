"""nhiscan access: what an identity can really do, and what it can become, as of a stored scan. Calls no cloud."""

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from nhiscan import __version__
from nhiscan.cli import options
from nhiscan.cli.asking import Asking, asking
from nhiscan.cli.ending import INCOMPLETE, USAGE, Stop
from nhiscan.cli.output import Column, dumps
from nhiscan.cli.workspace import LOG, Workspace

F = TypeVar("F", bound=Callable[..., Any])


def _action(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    """One action. A pattern would be a question about many, to which no single verdict is the answer."""
    if not value.strip() or set(value) & set("*?"):
        raise click.BadParameter(f"{value!r} is no action: ask about one, such as iam:CreateUser")
    return value


def _asked(*formats: str) -> Callable[[F], F]:
    """Options that the commands share: --scope, --scan, and those of every command that shows data."""

    def decorate(function: F) -> F:
        for option in (
            options.basics,
            options.inventory,
            options.data(*formats),
            click.option(
                "--scope", "scopes", multiple=True, metavar="SCOPE", help="Only this scope: its key, id or name."
            ),
            click.option(
                "--scan", "number", type=click.IntRange(1), metavar="N", help="As of that scan. Default: the last."
            ),
        ):
            function = option(function)
        return function

    return decorate


@click.group(epilog="Example: nhiscan access explain ci-deployer")
def access() -> None:
    """Tell what an identity can really do, and what it can become.

    All policies of the identity and of its groups count, less every deny, within its boundary and the policies of the
    organisation. An answer holds as of a stored scan. An identity is named by its key, ARN, unique id, name or any
    other name that the provider gives it.
    """


@access.command(epilog="Example: nhiscan access explain ci-deployer --format svg -o paths.svg")
@click.argument("principal")
@click.option(
    "--right-sized", is_flag=True, help="Give a policy with what it has used, and nothing that it does not have: JSON."
)
@_asked("table", "json", "dot", "svg")
@click.pass_context
def explain(ctx: click.Context, principal: str, number: int | None, scopes: tuple[str, ...], right_sized: bool) -> None:
    """Explain the rights of one identity.

    Its level, what its policies give and what holds it back; each way to more than it has, hop by hop, with the
    statement that allows it and the smallest change that breaks it; whom it can become, and who can become it. dot and
    svg draw the ways.
    """
    from nhiscan.access import drawing
    from nhiscan.access.dot import dot
    from nhiscan.access.explanation import document
    from nhiscan.access.explanation import explain as explained
    from nhiscan.cli.describing import described

    workspace = Workspace(ctx)
    workspace.refuse()
    output = workspace.output
    if right_sized and output.format not in ("table", "json"):
        raise Stop(USAGE, f"a policy is JSON: --right-sized and --format {output.format} exclude each other")
    with asking(workspace, number) as stored:
        one = stored.principal(principal, scopes)
        notes = stored.notes(one)
        drawn = output.format in ("dot", "svg")
        estate = None if notes or drawn else stored.access(stored.provider(one.scope))
        found = explained(stored.sql, stored.names, one, estate)
        if right_sized:
            output.give([_policy(stored, found.right_sized, one.name)])
            return
        if drawn:
            for note in notes:
                LOG.warning("%s: %s", one.name, note)
            who = stored.names.who(one.key)
            draw = dot(found.paths, start=who) if output.format == "dot" else None
            output.give([draw or drawing.svg(found.paths, who, ident="way", standalone=True)])
        elif output.format == "json":
            head = {"nhiscan": __version__, "scan": stored.scan, "notes": notes}
            output.give([dumps(head | document(found, stored.names), pretty=True)])
        else:
            output.give(described(found, stored.names, notes, output.width))


def _policy(stored: Asking, text: str | None, name: str) -> str:
    """The right-sized policy as a file. Without data on use there is none, which ends with 3."""
    if text is None:
        raise Stop(
            INCOMPLETE,
            f"scan {stored.info.number} has no data on which services {name} has used, so nothing can be right-sized",
        )
    return dumps(json.loads(text), pretty=True)


@access.command(epilog="Example: nhiscan access can ci-deployer iam:PassRole")
@click.argument("principal")
@click.argument("action", callback=_action)
@click.argument("resource", default="*")
@_asked("table", "json")
@click.pass_context
def can(
    ctx: click.Context, principal: str, action: str, resource: str, number: int | None, scopes: tuple[str, ...]
) -> None:
    """Say whether an identity can do one thing, and which statements decide it.

    The verdict comes first: allowed, denied, conditional (a request decides it) or unknown. Without RESOURCE the
    question is about any resource. The exit code says that there is an answer, not which one.
    """
    from nhiscan.access.explanation import decision_document, principal_document
    from nhiscan.analyzer import Decision
    from nhiscan.cli.describing import answered, called

    workspace = Workspace(ctx)
    workspace.refuse()
    with asking(workspace, number) as stored:
        one = stored.principal(principal, scopes)
        notes = stored.notes(one)
        if notes:
            decision = Decision("unknown", (), (), "")
        else:
            decision = stored.opened([stored.provider(one.scope)])[0].decide(one.key, action, resource)
            notes += stored.doubts([one.scope])
        if workspace.output.format == "json":
            answer = {
                "nhiscan": __version__,
                "scan": stored.scan,
                "notes": notes,
                "principal": principal_document(one, stored.names),
                "action": action,
                "resource": resource,
                **decision_document(decision, stored.names),
            }
            workspace.output.give([dumps(answer, pretty=True)])
        else:
            question = f"{called(one, stored.names)}, {action} on {resource}"
            workspace.output.give(answered(question, decision, stored.names, notes, workspace.output.width))


@access.command("who-can", epilog="Example: nhiscan access who-can iam:CreateUser --format csv -o creators.csv")
@click.argument("action", callback=_action)
@click.argument("resource", default="*")
@_asked(*options.ROWS)
@click.pass_context
def who_can(ctx: click.Context, action: str, resource: str, number: int | None, scopes: tuple[str, ...]) -> None:
    """List the identities that can do one thing, and through which statements.

    Those whose verdict is allowed or conditional. Identities that the scan did not plan or could not confirm are not
    asked about; where something was not read that decides, standard error says so.
    """
    workspace = Workspace(ctx)
    workspace.refuse()
    with asking(workspace, number) as stored:
        kept = stored.keys(scopes)
        estates = stored.opened(stored.providers())
        doubts = stored.doubts(kept)
        for doubt in doubts:
            LOG.warning("%s; who is missing from this list may be able to do it all the same", doubt)
        head = {
            "nhiscan": __version__,
            "scan": stored.scan,
            "notes": doubts,
            "action": action,
            "resource": resource,
        }

        def rows() -> Iterator[dict[str, Any]]:
            from nhiscan.access.explanation import decision_document
            from nhiscan.cli.describing import deciding

            for estate in estates:
                for key, decision in estate.who_can(action, resource):
                    who = stored.names.who(key)
                    if kept is not None and who.scope not in kept:
                        continue
                    through = [deciding(one, stored.names) for one in decision.statements if one.effect == "allow"]
                    yield {
                        **who._asdict(),
                        **decision_document(decision, stored.names),
                        "through": "; ".join(through),
                    }

        columns = (
            Column("verdict", "verdict"),
            Column("in", "scope_name"),
            Column("kind", "kind"),
            Column("name", "name"),
            Column("through", "through"),
        )
        fields = (
            "key", "kind", "name", "arn", "scope", "scope_name", "verdict", "reasons", "explanation", "statements",
        )  # fmt: skip
        workspace.output.rows("identities", head, columns, rows(), fields)
