"""Text that came from a cloud, made safe for the place it is shown in. Imports nothing from nhiscan.

Terminals obey escape sequences, readers are misled by bidirectional overrides, spreadsheets run cells that begin like a
formula. JSON needs none of this: ``json.dumps`` escapes what could do harm.
"""

import unicodedata

_HIDDEN = frozenset(
    {"Cc", "Cf", "Cs", "Zl", "Zp"}
)  # control, format (bidirectional, zero width), surrogate, line, paragraph
_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20'")  # what starts a formula, and the mark itself


def visible(text: str) -> str:
    """The text with each control, bidirectional and other unseen character written as ``<U+XXXX>``; letters stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"<U+{ord(c):04X}>" if unicodedata.category(c) in _HIDDEN else c for c in text)


def plural(number: int, thing: str) -> str:
    """1 scope, 2 scopes."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def csv_cell(text: str) -> str:
    """A text cell that no spreadsheet takes for a formula: with ``'`` in front where it could start one.

    A leading ``'`` gets one as well, so the rule can be undone: `csv_plain` takes off exactly one. Integer columns that
    nhiscan writes itself need no protection. A row in which any cell was changed says so in its ``_escaped`` column.
    """
    return "'" + text if text and text[0] in _FORMULA else text


def csv_plain(cell: str) -> str:
    """The text that `csv_cell` was given."""
    return cell.removeprefix("'")
