"""From templates to pages: everything is escaped, unseen characters are shown, and the page's own policy does the rest.

A page is one file without any address outside the package. Its content security policy names the one style sheet and
the one script by their digests, so a name that got past the escaping still could not run.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from nhiscan import data
from nhiscan.report.tables import flow, iso
from nhiscan.text import visible

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def _show(value: Any) -> Any:
    """What each ``{{ }}`` gives: text with its unseen characters written out. Markup made here stays as it is."""
    from markupsafe import Markup

    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _count(number: int) -> str:
    return f"{number:,}"


def _minute(at: int) -> str:
    text = iso(at)
    return f"{text[:10]} {text[11:16]} UTC" if text.endswith("Z") else text


def _soft(text: str) -> "Markup":
    """A name of many parts, which a narrow column may break between them."""
    from markupsafe import Markup

    return Markup("<wbr>").join(re.split(r"(?<=[.:_/@])(?=.)", visible(text)))  # escapes each part


@cache
def environment() -> "Environment":
    """The templates. Escaping is on for every name: file endings do not decide it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_show,
        loader=FileSystemLoader(data.folder("reports") / "templates", encoding="utf-8"),
        keep_trailing_newline=True,
    )
    made.filters.update(count=_count, iso=iso, minute=_minute, flow=flow, soft=_soft)
    return made


def asset(name: str) -> str:
    """The text of a file beside the templates."""
    return (data.folder("reports") / "templates" / name).read_text(encoding="utf-8")


def policy(style: str, script: str | None) -> str:
    """The content security policy of a page with exactly this style sheet and this script."""

    def named(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    scripts = named(script) if script else "'none'"
    return (
        f"default-src 'none'; style-src {named(style)}; script-src {scripts}; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )


def inline_json(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def column(key: str, label: str, values: Sequence[str], *, order: Sequence[str] = (), **look: Any) -> dict[str, Any]:
    """One column of the script's table. Few different values become words and indexes, sorted as they shall sort.

    ``order`` ranks the words where the alphabet does not (severities).
    """
    rank = {word: number for number, word in enumerate(order)}
    words = sorted(set(values), key=lambda word: (rank.get(word, len(rank)), word))
    made: dict[str, Any] = {"key": key, "label": label, **look}
    if look.get("choose") or len(words) * 4 <= len(values):
        place = {word: number for number, word in enumerate(words)}
        return {**made, "words": words, "index": [place[value] for value in values]}
    return {**made, "values": list(values)}


def render(
    template: str, values: Mapping[str, Any], *, package: str, script: str | None, payload: object
) -> Iterator[str]:
    """The page in pieces, to be written one after the other. ``payload`` is the data of the script's table."""
    from markupsafe import Markup

    style = asset("page.css").replace("PACKAGE-ID", package)
    made_here = {
        "csp": policy(style, script),
        "style": Markup(style),  # noqa: S704 our own file, with a package id of letters, digits and dashes
        "script": Markup(script or ""),  # noqa: S704 our own file
        "data": Markup(inline_json(payload)),  # noqa: S704 made so that it cannot end its element
    }
    stream = environment().get_template(template).stream(**values, **made_here)
    stream.enable_buffering(64)
    return iter(stream)
