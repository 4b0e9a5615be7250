"""What is seen of long work while it runs: a bar on a terminal, log lines otherwise. All of it on standard error."""

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from nhiscan.cli.workspace import LOG
from nhiscan.text import plural, visible

if TYPE_CHECKING:
    from nhiscan.collect import Progress

Show = Callable[["Progress"], None]
_READ = frozenset({"complete", "replaced"})


@contextlib.contextmanager
def watching(*, quiet: bool) -> Iterator[Show]:
    """A function to be told of each sign of life. The bar goes away at the end and leaves nothing behind."""
    if quiet or not sys.stderr.isatty():
        yield _log
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rest]}", markup=False),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scopes", total=None, rest="")

        def show(event: "Progress") -> None:
            what = {"storing": "storing", "evaluating": "judging"}.get(event.event, "scopes")
            rest = f"{plural(event.calls, 'call')}, {plural(event.records, 'record')}"
            bar.update(task, description=what, total=event.scopes or None, completed=event.scopes_done, rest=rest)
            if event.event == "ended" and event.state not in _READ:
                bar.console.print(Text(visible(f"{event.scope}: {event.source} {event.state}")))

        yield show


@contextlib.contextmanager
def steps(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A function to be told of each step of work whose length is not known: one line that changes on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda words: LOG.debug("%s", words)
        return
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn("line"), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda words: bar.update(task, description=visible(words))


def _log(event: "Progress") -> None:
    if event.event == "planned":
        LOG.info("reading %s", plural(event.scopes, "scope"))
    elif event.event == "ended" and event.source:
        # Not a warning: another source may stand in for this one. What is missing is told at the end.
        level = logging.DEBUG if event.state in _READ else logging.INFO
        LOG.log(level, "%s: %s %s", event.scope, event.source, event.state)
    elif event.event == "storing":
        LOG.info("read %s with %s; storing", plural(event.scopes_done, "scope"), plural(event.calls, "call"))
