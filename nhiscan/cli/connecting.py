"""Commands that take connectors by name, with the options that those declare; the command line knows none itself."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from nhiscan.config import nearest, variable

if TYPE_CHECKING:
    from nhiscan.connector import Connector, Option

META = "nhiscan.connector-options"
INSTALLED = "nhiscan.connectors"
DECLARED = "nhiscan.declared-options"


class ConnectorCommand(click.Command):
    """Each option of an installed connector is ``--<connector>-<name>``, and ``--<name>`` where that is plain.

    Which connectors take part is known only after parsing, so `flags` decides then whose the short ones are.
    """

    def connectors(self, ctx: click.Context) -> "Mapping[str, Connector]":
        """Those put into the context under `INSTALLED`, else those found through their entry points."""
        if INSTALLED not in ctx.meta:
            from nhiscan import plugins

            ctx.meta[INSTALLED] = {name: one for name, one in plugins.connectors().items() if name != plugins.REGISTER}
        found: Mapping[str, Connector] = ctx.meta[INSTALLED]
        return found

    def declared(self, ctx: click.Context) -> list[click.Option]:
        """The options of all connectors, the long ones and then the short ones. Made once a run."""
        if DECLARED not in ctx.meta:
            ctx.meta[DECLARED] = self._declared(self.connectors(ctx))
        options: list[click.Option] = ctx.meta[DECLARED]
        return options

    def _declared(self, connectors: "Mapping[str, Connector]") -> list[click.Option]:
        long: list[click.Option] = []
        short: dict[str, list[Option]] = {}
        for connector in connectors.values():
            for option in connector.options:
                long.append(_option(connector.name, option))
                short.setdefault(option.name, []).append(option)
        taken = {word for one in [*self.params, *long] for word in one.opts}
        for name, options in short.items():
            forms = {(option.kind, option.repeatable) for option in options}
            if len(forms) == 1 and f"--{name}" not in taken:
                long.append(_option("", options[0]))
        return long

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*self.declared(ctx), *super().get_params(ctx)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = [
            record
            for one in super().get_params(ctx)
            if isinstance(one, click.Option) and (record := one.get_help_record(ctx))
        ]
        with formatter.section("Options"):
            formatter.write_dl(own)
        for connector in self.connectors(ctx).values():
            records = [
                record
                for one in self.declared(ctx)
                if one.name and one.name.startswith(f"{connector.name}_") and (record := one.get_help_record(ctx))
            ]
            if records:
                with formatter.section(
                    f"Options of {connector.name} (--{connector.name}-NAME, or --NAME where it is plain)"
                ):
                    formatter.write_dl(records)


def flags(ctx: click.Context, names: Sequence[str], installed: "Mapping[str, Connector]") -> dict[str, dict[str, Any]]:
    """What the command line says for each of the connectors taking part. Raises click.UsageError."""
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    for (connector, option), value in sorted(ctx.meta.get(META, {}).items()):
        if connector:
            owner = connector
            if owner not in found:
                raise click.UsageError(f"--{connector}-{option}: the connector {connector} takes no part in this", ctx)
        else:
            owners = [name for name in names if any(one.name == option for one in installed[name].options)]
            if not owners:
                raise click.UsageError(f"--{option}: none of the connectors taking part has this option", ctx)
            if len(owners) > 1:
                forms = " or ".join(f"--{name}-{option}" for name in owners)
                raise click.UsageError(f"--{option} is not plain: write {forms}", ctx)
            owner = owners[0]
        if option in found[owner]:
            raise click.UsageError(f"--{owner}-{option} and --{option} are the same: give one of them", ctx)
        found[owner][option] = value
    return found


def known(ctx: click.Context, names: Sequence[str], installed: "Mapping[str, Connector]") -> list[str]:
    """The names, each once. Raises click.UsageError for a connector that is not installed."""
    for name in names:
        if name == "register":
            raise click.UsageError("the people roster is read with --roster FILE or [registers] people", ctx)
        if name not in installed:
            raise click.UsageError(f"unknown connector {name!r}{nearest(name, installed)}", ctx)
    return list(dict.fromkeys(names))


def unnamed(installed: "Mapping[str, Connector]") -> str:
    """The message where neither the command line nor the configuration names a connector."""
    names = f" (installed: {', '.join(installed)})" if installed else ""
    return f"name a connector{names}, or give the configuration a [connectors.<name>] table"


def _option(connector: str, option: "Option") -> click.Option:
    """``connector`` is empty for the short form, which help does not list."""

    def keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if parameter.name and ctx.get_parameter_source(parameter.name) is click.core.ParameterSource.COMMANDLINE:
            ctx.meta.setdefault(META, {})[connector, option.name] = value

    word = f"--{connector}-{option.name}" if connector else f"--{option.name}"
    about = f"{option.about}  [env var: {variable(connector, option.name)}]"
    attributes: dict[str, Any] = {}
    if option.kind == "flag":
        attributes = {"is_flag": True}
    elif option.kind == "integer":
        attributes = {"type": int, "multiple": option.repeatable, "metavar": option.metavar}
    else:
        attributes = {
            "type": click.Path() if option.kind == "path" else str,
            "multiple": option.repeatable,
            "metavar": option.metavar,
        }
    return click.Option(
        [word],
        help=about,
        hidden=not connector,
        expose_value=False,
        allow_from_autoenv=False,
        callback=keep,
        default=None,
        **attributes,
    )
