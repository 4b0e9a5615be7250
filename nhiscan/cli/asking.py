"""Questions about a stored scan: whom a word means, and the estate that an analyzer opens for them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from nhiscan.cli.ending import USAGE, Stop
from nhiscan.cli.reading import Reading, missing
from nhiscan.cli.workspace import LOG

if TYPE_CHECKING:
    from nhiscan.access.names import Names
    from nhiscan.access.principal import Principal
    from nhiscan.analyzer import Access
    from nhiscan.cli.workspace import Workspace

MOST_CANDIDATES = 10


class Asking(Reading):
    """A stored scan with names, and with what the analyzers of its providers know."""

    @cached_property
    def names(self) -> "Names":
        from nhiscan.access.names import Names

        return Names(self.sql)

    def principal(self, word: str, scopes: Sequence[str]) -> "Principal":
        """The identity that a word means. None or several end with 2 and say which there are."""
        from nhiscan.access.principal import find, nearest

        where, values = self.scope_filter("i.scope", scopes)
        found = find(self.sql, word, where, values)
        if len(found) == 1:
            return found[0]
        if not found:
            close = nearest(self.sql, word)
            hint = f": did you mean {' or '.join(map(repr, close))}?" if close else ""
            raise Stop(USAGE, f"scan {self.info.number} knows no identity {word!r}{hint}")
        lines = [
            f"  {one.key}: {one.kind.replace('_', ' ')} {one.arn or one.name} in {self.names.scope(one.scope)}"
            for one in found[:MOST_CANDIDATES]
        ]
        if more := len(found) - len(lines):
            lines.append(f"  and {more} more")
        raise Stop(USAGE, "\n".join([f"{word!r} may mean {len(found)} identities; name one by its key:", *lines]))

    def notes(self, one: "Principal") -> list[str]:
        """What must be known of an identity before anything is believed that is said of it."""
        number = self.info.number
        if not one.planned:
            row = self.sql.one("SELECT last_scan FROM scope WHERE key = :key", {"key": one.scope})
            last = f"; scan {row[0]} was the last that did (--scan {row[0]})" if row and row[0] else ""
            return [f"scan {number} did not plan this scope, so this is the last known state{last}"]
        if not one.confirmed:
            return [f"scan {number} could not confirm that this identity still exists; this is the last known state"]
        return []

    def keys(self, scopes: Sequence[str]) -> frozenset[str] | None:
        """The keys of the scopes that a user names; None where none is named."""
        return frozenset(self.scope_filter("scope", scopes)[1].values()) if scopes else None

    def doubts(self, scopes: Iterable[str] | None) -> list[str]:
        """In which of these planned scopes (None: all) not all was read that decides who may do what, a text each."""
        kept = None if scopes is None else frozenset(scopes)
        rows = self.sql.rows(
            "SELECT scope, reason FROM need WHERE planned = 1 AND need = 'effective_access' AND complete = 0"
            " ORDER BY scope"
        )
        return [
            f"{self.names.scope(scope)}: not all was read that decides" + (f" ({reason})" if reason else "")
            for scope, reason in rows
            if kept is None or scope in kept
        ]

    def provider(self, scope: str) -> str:
        row = self.sql.one("SELECT provider FROM scope WHERE key = :key", {"key": scope})
        return str(row[0]) if row else scope.partition("/")[0]

    def access(self, provider: str) -> "Access | None":
        """The estate of one provider; None where its analyzer is not installed or answers no questions."""
        from nhiscan import plugins
        from nhiscan.analysis import records_of

        analyzer = plugins.analyzers().get(provider)
        if analyzer is None or analyzer.open is None:
            return None
        return analyzer.open(records_of(self.sql, self.info, provider))

    def opened(self, providers: Sequence[str]) -> "list[Access]":
        """The estates of these providers. A provider that answers no questions is named; where none does, it is 2."""
        found = {provider: self.access(provider) for provider in providers}
        silent = [provider for provider, estate in found.items() if estate is None]
        estates = [estate for estate in found.values() if estate is not None]
        said = f"no analyzer that answers questions is installed for {', '.join(silent)}"
        if not estates:
            raise Stop(USAGE, said if silent else f"scan {self.info.number} holds no identities to ask about")
        if silent:
            LOG.warning("%s: nothing is said of its identities", said)
        return estates

    def providers(self) -> list[str]:
        """Providers of the planned scopes in which identities can live."""
        rows = self.sql.rows(
            "SELECT DISTINCT s.provider FROM scope s WHERE s.planned = 1"
            " AND EXISTS (SELECT 1 FROM identity i WHERE i.scope = s.key) ORDER BY 1"
        )
        return [provider for (provider,) in rows]


@contextmanager
def asking(workspace: "Workspace", number: int | None) -> Iterator[Asking]:
    """Open scan ``number`` (None: the newest) of the stored inventory for questions. None there ends with 2."""
    inventory = workspace.stored()
    info = inventory.scan(number)
    if info is None:
        raise Stop(USAGE, missing(workspace, number))
    with inventory.bound(info.number, materialise=True) as bound:
        yield Asking(bound.sql, bound.info)
