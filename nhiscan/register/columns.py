"""Which column of a roster file is which."""

from collections.abc import Iterable, Mapping, Sequence

COLUMNS = ("person_id", "email", "name", "status", "start_date", "end_date")
"""The columns of a people roster; each is its own header unless the settings map it."""

REQUIRED = frozenset({"person_id", "email", "status"})


class BadMapping(Exception):
    """A mapping of columns that cannot be. The message says why."""


def mapping(entries: Iterable[str]) -> dict[str, str]:
    """Column -> header from entries like ``person_id=Employee ID``. Raises BadMapping."""
    headers = {column: column for column in COLUMNS}
    seen: set[str] = set()
    for entry in entries:
        column, sign, header = (part.strip() for part in entry.partition("="))
        if not sign or not header:
            raise BadMapping(f"{entry!r}: write column=Header")
        if column not in COLUMNS:
            raise BadMapping(f"{column!r} is no column of a people roster: {', '.join(COLUMNS)}")
        if column in seen:
            raise BadMapping(f"{column} is mapped twice")
        seen.add(column)
        headers[column] = header
    return headers


def places(header: Sequence[str], headers: Mapping[str, str]) -> tuple[dict[str, int], list[str], list[str]]:
    """Column -> its place in the header line; the names of columns left aside; what is wrong.

    Headers are compared without surrounding blanks and without case. A column that was mapped must be there.
    """
    names = [name.strip() for name in header]
    plain = [name.casefold() for name in names]
    problems = [
        f"the header {name!r} comes twice"
        for name in sorted({name for name in plain if name and plain.count(name) > 1})
    ]
    found: dict[str, int] = {}
    for column in COLUMNS:
        wanted = headers[column].casefold()
        if wanted in plain:
            found[column] = plain.index(wanted)
        elif headers[column] != column:
            problems.append(f"there is no column {headers[column]!r} ({column})")
        elif column in REQUIRED:
            problems.append(
                f"there is no column {column!r}; if it has another header, name that in the configuration:"
                f' [registers.columns] {column} = "..."'
            )
    if problems and len(names) == 1:
        for sign, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if sign in names[0]:
                problems = [f"the columns are separated by {word}: save the file with commas"]
    return found, [name for place, name in enumerate(names) if place not in found.values()], problems
