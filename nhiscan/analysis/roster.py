"""Who is meant? The people of the rosters of this scan, found by e-mail, person id or name."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from nhiscan.inventory import Sql

_EMAIL = re.compile(r"[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"']+")


class Match(NamedTuple):
    """A person and by what it was found."""

    person: str  # key
    by: str  # "email" | "id" | "name"


class Roster:
    """An index of people. ``present``: some roster was planned; ``complete``: all that were planned have been read."""

    def __init__(
        self, people: Iterable[tuple[str, str, str | None, str | None, str | None]], *, present: bool, complete: bool
    ) -> None:
        """``people`` are (key, person id, e-mail, name, status).

        Of several who share an e-mail or a name the only active one is meant (somebody hired again); else nobody is.
        """
        self.present = present
        self.complete = complete
        sharing: dict[tuple[str, str], list[tuple[str, str | None]]] = {}
        for key, person_id, email, name, status in people:
            for by, value in (("email", email), ("id", person_id), ("name", name)):
                if value and (word := _plain(value)):
                    sharing.setdefault((by, word), []).append((key, status))
        self._found = {word: person for word, several in sharing.items() if (person := _meant(several))}

    @classmethod
    def read(cls, sql: Sql) -> "Roster":
        """The people of the registers planned in the scan that ``sql`` is bound to."""
        people = list(sql.rows("SELECT key, person_id, email, name, status FROM person WHERE planned = 1 ORDER BY key"))
        row = sql.one("SELECT COUNT(*), MIN(complete) FROM need WHERE need = 'person'")
        count, complete = row or (0, None)
        return cls(people, present=bool(count), complete=complete == 1)

    def find(self, text: str) -> Match | None:
        """The person a text names, whole or by an e-mail address inside it."""
        if not self._found:
            return None
        whole = _plain(text)
        for by in ("email", "id", "name"):
            if person := self._found.get((by, whole)):
                return Match(person, by)
        if "@" not in whole:
            return None
        for address in _EMAIL.findall(text):
            if person := self._found.get(("email", _plain(address))):
                return Match(person, "email")
        return None

    def resolution(self, match: Match | None) -> str:
        """The word for a search that gave ``match``. Without a whole roster nobody is known to be missing from it."""
        if match is not None:
            return "person"
        return "not_in_roster" if self.complete else "no_roster"


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _meant(several: list[tuple[str, str | None]]) -> str | None:
    active = [key for key, status in several if status == "active"]
    if len(several) == 1:
        return several[0][0]
    return active[0] if len(active) == 1 else None
