"""The worked examples of a rule file: a tiny inventory, and what the rule says of it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from nhiscan import model
from nhiscan.inventory.views import VIEWS
from nhiscan.positions import Path as KeyPath
from nhiscan.rule.definition import ENGINE_REASONS, MAXIMUM, Example, Expected, Param, whole
from nhiscan.rule.fields import Fields
from nhiscan.rule.portable import tokens

DEFAULT_SCOPE = "s"
"""Where the rows of an example live that name no scope."""


class ExampleFields(Fields):
    """Reads `[[examples]]`, and tells which outcomes of the rule stand in none of them."""

    def _examples(
        self, document: Mapping[str, Any], params: Mapping[str, Param], reasons: Mapping[str, str]
    ) -> tuple[Example, ...]:
        examples: list[Example] = []
        for index, table in enumerate(self._tables(("examples",), document.get("examples", []))):
            path: KeyPath = ("examples", index)
            self._keys(path, table, ("name", "as_of", "params", "expect", *VIEWS))
            name = self._string(path, table, "name")
            if any(name == other.name for other in examples):
                self._fault((*path, "name"), f"two examples are named {name!r}")
            as_of = _moment(table.get("as_of"))
            if as_of is None:
                self._fault((*path, "as_of"), "as_of must be a time such as 2026-01-01T00:00:00Z")
            values: dict[str, int] = {}
            for key, value in self._table((*path, "params"), table.get("params", {})).items():
                if key not in params:
                    self._fault((*path, "params", key), f"no such parameter: {key}")
                elif not whole(value):
                    self._fault((*path, "params", key), f"{key} must be a whole number from 0 to {MAXIMUM}")
                else:
                    values[key] = value
            expect = self._expect((*path, "expect"), table.get("expect"), reasons)
            tables = {view: self._example_rows((*path, view), view, table[view]) for view in VIEWS if view in table}
            examples.append(Example(name, as_of or 0, values, expect, tables))
        return tuple(examples)

    def _expect(self, path: KeyPath, value: object, reasons: Mapping[str, str]) -> dict[str, Expected]:
        expect: dict[str, Expected] = {}
        for subject, outcome in self._table(path, value if value is not None else "").items():
            table: Mapping[str, Any] = (
                {"status": outcome} if isinstance(outcome, str) else self._table((*path, subject), outcome)
            )
            self._keys((*path, subject), table, Expected._fields)
            choices = {
                "status": model.STATUSES,
                "reason": (*reasons, *ENGINE_REASONS),
                "severity": model.SEVERITIES,
                "confidence": model.CONFIDENCES,
            }
            chosen = {
                key: self._choice((*path, subject), table, key, options)
                for key, options in choices.items()
                if key in table or key == "status"
            }
            expect[subject] = Expected(**chosen)
        return expect

    def _example_rows(self, path: KeyPath, view: str, value: object) -> tuple[Mapping[str, str | int], ...]:
        types = {column.name: column.type for column in VIEWS[view]}
        rows: list[Mapping[str, str | int]] = []
        for index, table in enumerate(self._tables(path, value)):
            self._keys((*path, index), table, types)
            row: dict[str, str | int] = {name: 1 for name in ("planned", "confirmed") if name in types}
            if "scope" in types:
                row["scope"] = DEFAULT_SCOPE
            for name, cell in table.items():
                if name not in types:
                    continue
                converted = _moment(cell) if types[name] == "integer" else cell if isinstance(cell, str) else None
                if converted is None:
                    wanted = "a whole number or a time" if types[name] == "integer" else "a text"
                    self._fault((*path, index, name), f"{view}.{name} must be {wanted}")
                else:
                    row[name] = converted
            rows.append(row)
        return tuple(rows)

    def _covered(
        self, sql: str, examples: Sequence[Example], reasons: Mapping[str, str], *, always_known: bool
    ) -> None:
        """Every status and reason that the SQL can give must stand in the examples."""
        outcomes = [outcome for example in examples for outcome in example.expect.values()]
        shown = {outcome.status for outcome in outcomes}
        literals = {token.text[1:-1] for token in tokens(sql) if token.kind == "text"}
        required = [
            "pass",
            "fail",
            *([] if always_known else ["unknown"]),
            *(["skip"] if "skip" in literals else []),
        ]
        for status in required:
            if status not in shown:
                self._fault(("examples", 0), f"no example expects {status}")
        for code in reasons:
            if code not in literals:
                self._fault(("reasons", code), f"reason {code} is not given by the SQL")
            elif code not in {outcome.reason for outcome in outcomes}:
                self._fault(("reasons", code), f"no example expects the reason {code}")


def _moment(value: object) -> int | None:
    """Epoch seconds of a TOML time, date or ISO text; whole numbers and truth values as they are."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    if isinstance(value, date):
        return int(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp())
    return None
