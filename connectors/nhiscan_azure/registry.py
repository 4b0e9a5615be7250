"""What sources of the tenant leave behind for the one that looks up who all those ids are."""

from dataclasses import dataclass, field

from nhiscan.connector import InputNotRead


@dataclass
class Registry:
    """Object ids that hold or own something, by the source that came to its end with them."""

    held: dict[str, frozenset[str]] = field(default_factory=dict)

    def put(self, source: str, ids: set[str]) -> None:
        self.held[source] = frozenset(ids)

    def known(self, sources: tuple[str, ...]) -> set[str]:
        """All ids that these sources have left behind, as far as they came to their end."""
        return set().union(*(self.held.get(source, frozenset()) for source in sources))

    def check(self, sources: tuple[str, ...]) -> None:
        """Raises InputNotRead for the first of them that did not come to its end."""
        for source in sources:
            if source not in self.held:
                raise InputNotRead(source)
