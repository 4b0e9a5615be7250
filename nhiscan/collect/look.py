"""What would be read? Opens a connector and asks who reads which scopes, without reading them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nhiscan.collect.opening import open_connector
from nhiscan.collect.watch import Watch
from nhiscan.connector import Connector, Settings
from nhiscan.model import Scope


@dataclass(frozen=True)
class Looked:
    """Who reads (`Session.caller`) and what there is to read. ``problem`` says what is in the way, with the remedy."""

    caller: Mapping[str, str]
    scopes: tuple[Scope, ...]
    problem: str | None


def look(
    connector: Connector,
    settings: Settings,
    *,
    clock: Callable[[], int],
    sleep: Callable[[float], None],
) -> Looked:
    """Ask a connector who reads and which scopes. Raises OptionError, MissingExtra and BadDeclaration."""
    opened = open_connector(connector, settings, Watch(_unseen), clock, sleep, threads=1)
    if opened.session is not None:
        opened.session.close()
    problem = None
    if opened.gap is not None:
        problem = opened.gap.message or opened.gap.code or "nothing can be read"
    return Looked(opened.caller, opened.scopes, problem)


def _unseen(event: tuple[str, ...]) -> None:
    """Nobody watches a look."""
    del event
