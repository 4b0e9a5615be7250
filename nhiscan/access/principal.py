"""Finds the identity that somebody means by a word: its key, one of its ids and ARNs, or its name."""

import difflib
from collections.abc import Mapping
from typing import Any, NamedTuple

from nhiscan.inventory import Sql

MOST_COMPARED = 20_000
"""Names that are compared with a word that nobody has."""


class Principal(NamedTuple):
    """An identity with what there is to say about how well it is known.

    ``planned``  1: the scan planned its scope; ``confirmed`` 1: the last scan that did so saw it
    """

    key: str
    scope: str
    kind: str
    native_id: str
    name: str
    arn: str | None
    state: str | None
    nature: str | None
    owner: str | None
    planned: int
    confirmed: int


_COLUMNS = "i.key, i.scope, i.kind, i.native_id, i.name, i.arn, i.state, i.nature, o.value, i.planned, i.confirmed"
_WAYS = (
    "i.key = :word",
    """i.arn = :word OR i.native_id = :word
    OR i.key IN (SELECT a.identity FROM alias a WHERE a.value = :word AND a.kind <> 'name')""",
    "i.name = :word OR i.key IN (SELECT a.identity FROM alias a WHERE a.value = :word)",
)
"""Each is asked only where the one before it found nothing: an ARN is never mistaken for somebody's name."""


def find(sql: Sql, word: str, where: str = "1 = 1", values: Mapping[str, Any] | None = None) -> list[Principal]:
    """The identities that ``word`` may mean, sorted by key; several where a name is used more than once.

    ``where`` is a condition on ``i.scope`` with its ``values``.
    """
    for way in _WAYS:
        found = [
            Principal._make(row)
            for row in sql.rows(
                f"SELECT {_COLUMNS} FROM identity i LEFT JOIN owner o ON o.key = i.key"
                f" WHERE ({way}) AND {where} ORDER BY i.key",
                {"word": word, **(values or {})},
            )
        ]
        if found:
            return found
    return []


def nearest(sql: Sql, word: str, most: int = 5) -> list[str]:
    """Names of identities that look like ``word``, the likeliest first: the same but for case, then similar ones."""
    names = sorted({name for (name,) in sql.rows("SELECT DISTINCT name FROM identity") if name})
    short = word.rpartition("/")[2].casefold() or word.casefold()
    same = [name for name in names if name.casefold() == short]
    inside = [name for name in names if short in name.casefold() and name not in same]
    compared = sorted(names, key=lambda name: (abs(len(name) - len(short)), name))[:MOST_COMPARED]
    close = difflib.get_close_matches(short, compared, n=most) if len(short) < 200 else []
    return list(dict.fromkeys([*same, *inside, *close]))[:most]
