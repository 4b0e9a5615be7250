"""The values of a rule file, read one by one: what is wrong is noted by key path and gets its line at the end."""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nhiscan.positions import Path as KeyPath
from nhiscan.positions import nearest, positions
from nhiscan.rule.definition import Problem, nearest_word


class Fields:
    """One rule file and the faults found in it so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._faults: list[tuple[KeyPath, int, str]] = []  # key path, lines below it, message
        self._plain: list[Problem] = []
        self._text = ""

    def problems(self) -> list[Problem]:
        """All faults with their lines."""
        if not self._faults:
            return self._plain
        lines = positions(self._text)
        return self._plain + [
            Problem(self._path, nearest(lines, path) + below, message) for path, below, message in self._faults
        ]

    def _fault(self, path: KeyPath, message: str, below: int = 0) -> None:
        self._faults.append((path, below, message))

    def _document(self) -> tuple[dict[str, Any], str] | None:
        """The file as tables and its SHA-256; None where it cannot be read as TOML."""
        try:
            data = self._path.read_bytes()
            self._text = data.decode("utf-8").replace("\r\n", "\n")
            document = tomllib.loads(self._text)
        except OSError as error:
            self._plain.append(Problem(self._path, 1, f"cannot be read: {error.strerror}"))
            return None
        except UnicodeDecodeError as error:
            self._plain.append(Problem(self._path, data.count(b"\n", 0, error.start) + 1, "is not UTF-8"))
            return None
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            at = re.search(r"at line (\d+)", str(error))
            self._plain.append(
                Problem(self._path, int(at[1]) if at else self._text.count("\n") + 1, f"is no TOML: {error}")
            )
            return None
        return document, hashlib.sha256(data).hexdigest()

    def _keys(self, path: KeyPath, table: Mapping[str, Any], known: Iterable[str]) -> None:
        known = list(known)
        for key in table:
            if key not in known:
                self._fault((*path, key), f"unknown key {key!r}; nearest: {nearest_word(key, known)}")

    def _string(self, path: KeyPath, table: Mapping[str, Any], key: str) -> str:
        value = table.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip() if key != "sql" else value
        self._fault((*path, key) if key in table else path, f"{key} must be a text that is not empty")
        return ""

    def _choice(self, path: KeyPath, table: Mapping[str, Any], key: str, choices: Sequence[str]) -> str:
        value = self._string(path, table, key)
        if value and value not in choices:
            self._fault(
                (*path, key),
                f"{key} {value!r} is none of {', '.join(choices)}; nearest: {nearest_word(value, choices)}",
            )
        return value

    def _flag(self, table: Mapping[str, Any], key: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            self._fault((key,), f"{key} must be true or false")
        return value is True

    def _strings(self, table: Mapping[str, Any], key: str, *, required: bool) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            self._fault((key,), f"{key} must be a list of texts")
            return ()
        if required and not value:
            self._fault((key,) if key in table else (), f"{key} must name at least one")
        return tuple(item.strip() for item in value)

    def _table(self, path: KeyPath, value: object) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        self._fault(path, f"{path[-1] if path else 'the file'} must be a table")
        return {}

    def _tables(self, path: KeyPath, value: object) -> list[Mapping[str, Any]]:
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return value
        self._fault(path, f"{path[-1]} must be an array of tables, [[{'.'.join(str(part) for part in path)}]]")
        return []
