"""The people roster as a source of a scan, with scope, coverage and transcript like any other."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nhiscan.connector import Context, OptionError, Reader, Settings
from nhiscan.model import Call, Person, Scope
from nhiscan.register.columns import BadMapping, mapping
from nhiscan.register.roster import Roster, RosterErrors, parse

PEOPLE = "people"
SCOPE = Scope("register/register/people", "register", "register", "people", name="People roster", state="active")


@dataclass(frozen=True)
class OpenFile:
    """A roster that has been read and found right."""

    name: str  # of the file, without its folder
    roster: Roster
    context: Context

    def close(self) -> None:
        """Nothing is held open."""


def read(client: OpenFile, reader: Reader) -> Iterator[Person]:
    """Source: the people of the file. Reading it is noted like a call, the digest of the file being the response's."""
    del reader
    now = client.context.clock()
    client.context.note(
        Call(
            service="register",
            operation="ReadFile",
            parameters=json.dumps({"file": client.name}, sort_keys=True, separators=(",", ":")),
            endpoint="file://",
            page=1,
            items=len(client.roster.people),
            end_of_list=1,
            status=None,
            error=None,
            request_id=None,
            attempts=1,
            started_at=now,
            ended_at=now,
            response_sha256=client.roster.sha256,
        )
    )
    yield from client.roster.people


class Register:
    """Implements `nhiscan.connector.Session` and `ReadsFiles`.

    The file is read once, when the session is opened: what is wrong with it is a wrong setting, told before any cloud
    is called, and nothing can change it between the check and the scan.
    """

    def __init__(self, settings: Settings, context: Context) -> None:
        """Raises OptionError with every problem of the file, each with its line."""
        place = settings.get("people")
        if not place:
            raise OptionError("people", "name the file of the people roster")
        path = Path(str(place))
        try:
            headers = mapping(settings.get("columns") or ())
        except BadMapping as error:
            raise OptionError("columns", str(error)) from error
        try:
            data = path.read_bytes()
        except OSError as error:
            raise OptionError("people", f"{path} cannot be read: {error.strerror or error}") from error
        try:
            roster = parse(data, str(path), headers, SCOPE.key, PEOPLE)
        except RosterErrors as error:
            raise OptionError("people", f"{path} is not a people roster:\n{error}") from error
        self._file = OpenFile(path.name, roster, context)

    def caller(self) -> Mapping[str, str]:
        """Nobody has to be asked; the file is named."""
        return {"file": self._file.name}

    def scopes(self) -> Iterable[Scope]:
        return (SCOPE,)

    def enter(self, scope: Scope) -> OpenFile:
        del scope
        return self._file

    def close(self) -> None:
        """Nothing is held open."""

    def inputs(self) -> Iterable[Mapping[str, Any]]:
        """The file, its digest and its number of rows, for the evidence."""
        roster = self._file.roster
        ignored = f"; columns left aside: {', '.join(roster.ignored)}" if roster.ignored else ""
        yield {
            "file": self._file.name,
            "sha256": roster.sha256,
            "rows": len(roster.people),
            "about": f"people roster{ignored}",
        }
