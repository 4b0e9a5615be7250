"""Findings told at length: what, where, since when, why it matters, the commands that fix it, what would prove it."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nhiscan.text import visible

_MARGIN = " " * 10


def explained(rows: Iterable[Mapping[str, Any]], width: int | None) -> Iterator[str]:
    """One block of lines a finding, blank lines between them. Prose is wrapped at ``width``; commands never are."""
    gap = ""
    for row in rows:
        yield gap + "".join(f"{line}\n" for line in _block(row, width))
        gap = "\n"


def _block(row: Mapping[str, Any], width: int | None) -> Iterator[str]:
    yield visible(f"{row['severity']}, {row['shown_state']}: {row['title'] or row['rule']} ({row['rule']})")
    for heading, text in (
        ("What", row["message"]),
        ("Where", f"{row['scope_name']} ({row['scope']})"),
        ("Since", row["since"]),
        ("Why", row.get("why")),
        ("Fix", row.get("remediation")),
    ):
        if text:
            yield from _said(heading, text, width)
    for command in row.get("commands") or ():
        yield visible(f"{_MARGIN}$ {command}")
    if row.get("proof"):
        yield from _said("Proof", row["proof"], width)
    if row.get("controls"):
        yield from _said("Criteria", ", ".join(row["controls"]), width)


def _said(heading: str, text: str, width: int | None) -> list[str]:
    first = f"  {heading}:".ljust(len(_MARGIN) - 1) + " "
    words = visible(" ".join(text.split()))
    if width is None:
        return [first + words]
    return textwrap.wrap(
        words,
        max(width, 40),
        initial_indent=first,
        subsequent_indent=_MARGIN,
        break_long_words=False,
        break_on_hyphens=False,
    )
