"""The pages by the rules of accessibility that a parser can see, and the contrast of their colours."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from nhiscan import data
from nhiscan.report import html
from nhiscan.report.results import WORDS

PAGES = ("01-report/report.html", "00-README.html")
VOID = {"meta", "br", "wbr", "input", "circle", "path", "rect"}


@dataclass
class Node:
    name: str
    attributes: dict[str, str]
    children: "list[Node]" = field(default_factory=list)
    text: str = ""

    def all(self, *names: str) -> "list[Node]":
        found = [self] if not names or self.name in names else []
        return found + [node for child in self.children for node in child.all(*names)]

    def words(self) -> str:
        return " ".join([self.text, *(child.words() for child in self.children)]).strip()


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Node("", {})
        self._open = [self.root]
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):  # type: ignore[union-attr]
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if self._open[-1].name != tag:
            self.wrong.append(f"</{tag}> closes <{self._open[-1].name}> at {self.getpos()}")
        self._open.pop()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self._open[-1].text += data


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest, original: Path) -> Node:
    reader = Reader()
    reader.feed((original / "data" / request.param).read_bytes().decode())
    assert reader.wrong == []
    return reader.root


def test_structure(page: Node) -> None:
    (root,) = page.all("html")
    assert root.attributes["lang"] == "en"
    assert len(page.all("h1")) == 1
    levels = [int(node.name[1]) for node in page.all("h1", "h2", "h3", "h4")]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.all(landmark)) == 1
    first = page.all("body")[0].children[0]
    assert (first.name, first.attributes["href"]) == ("a", "#main")
    assert page.all("title")[0].words()


def test_ids_are_unique_and_every_link_inside_has_its_place(page: Node) -> None:
    ids = [node.attributes["id"] for node in page.all() if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    for node in page.all():
        for name in ("aria-labelledby", "aria-describedby"):
            assert set(node.attributes.get(name, "").split()) <= set(ids)
    for link in page.all("a"):
        target = link.attributes["href"]
        assert not target.startswith("#") or target[1:] in ids
        assert link.words()


def test_tables_have_captions_and_scopes_and_scroll_with_the_keyboard(page: Node) -> None:
    def look(node: Node, inside: bool) -> None:
        inside = inside or (
            node.attributes.get("tabindex") == "0"
            and node.attributes.get("role") == "region"
            and bool(node.attributes.get("aria-label") or node.attributes.get("aria-labelledby"))
        )
        if node.name == "table":
            assert inside
            assert node.all("caption") or node.attributes.get("aria-labelledby")
            for head in node.all("th"):
                assert head.attributes.get("scope") in {"col", "row", "rowgroup"}
                assert head.words()
        for child in node.children:
            look(child, inside)

    look(page, inside=False)


def test_a_status_is_a_word_and_never_colour_alone(page: Node) -> None:
    chips = [node for node in page.all("span") if "chip" in node.attributes.get("class", "").split()]
    words = {*WORDS.values(), "Not tested", "Critical", "High", "Medium", "Low", "Info"}
    for chip in chips:
        assert chip.text in words
    named = {node.attributes["id"]: node.words() for node in page.all() if "id" in node.attributes}
    drawings = [figure.all("svg") for figure in page.all("figure")]
    for picture in page.all("svg"):
        if [picture] not in drawings:
            assert picture.attributes["aria-hidden"] == "true"  # its numbers stand beside it as text
            continue
        assert picture.attributes["role"] == "img"
        assert all(named[name] for name in picture.attributes["aria-labelledby"].split())
    for figure in page.all("figure"):
        assert figure.all("figcaption")[0].all("ol")[0].all("li")  # the same hops as text


def test_page_one_says_of_each_provider_what_was_read_and_found(original: Path) -> None:
    reader = Reader()
    reader.feed((original / "data" / "01-report/report.html").read_bytes().decode())
    (table,) = [node for node in reader.root.all("table") if node.attributes.get("id") == "providers"]
    rows = [[cell.words() for cell in row.all("th", "td")] for row in table.all("tbody")[0].all("tr")]
    planned = [row for row in json_lines(original / "data/03-population/inventory/coverage.jsonl") if row["planned"]]
    read = [row for row in planned if row["scope"].startswith("aws/")]
    complete = sum(row["state"] in ("complete", "replaced") for row in read)
    numbers = [node.text for node in reader.root.all("span") if node.attributes.get("data-count")]
    failed, unknown = (number.strip() for number in numbers)
    assert len(read) > complete > 0
    assert [row[:2] for row in rows] == [["Amazon <Web> Services  2 accounts", f"{complete} of {len(read)}"]]
    assert [row[4:] for row in rows] == [[failed, unknown]]


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_times_are_machine_readable(page: Node) -> None:
    assert page.all("time")
    for node in page.all("time"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", node.attributes["datetime"])


def test_nothing_is_styled_or_scripted_in_attributes(page: Node) -> None:
    for node in page.all():
        assert "style" not in node.attributes
        assert not any(name.startswith("on") for name in node.attributes)
        for name in ("href", "src", "xlink:href", "action"):
            assert not re.match(r"[a-z]+:|//", node.attributes.get(name, ""))
    for style in page.all("style"):
        assert "url(" not in style.text
        assert "@import" not in style.text


def test_the_policy_names_exactly_what_is_there(page: Node) -> None:
    (policy,) = [
        node.attributes["content"]
        for node in page.all("meta")
        if node.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))

    def named(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    assert rules["default-src"] == "'none'"
    assert rules["style-src"] == named(page.all("style")[0].text)
    scripts = [node.text for node in page.all("script") if node.attributes.get("type") != "application/json"]
    assert rules["script-src"] == (" ".join(map(named, scripts)) or "'none'")
    assert rules["require-trusted-types-for"] == "'script'"
    assert (rules["base-uri"], rules["form-action"]) == ("'none'", "'none'")


def test_no_template_marks_anything_as_safe() -> None:
    folder = data.folder("reports") / "templates"
    templates = sorted(folder.glob("*.j2"))
    assert templates
    for path in templates:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe|autoescape\s+false|Markup", text), path.name
    assert "innerHTML" not in (folder / "table.js").read_text(encoding="utf-8")


def test_json_cannot_end_its_element() -> None:
    text = html.inline_json({"a": "</script><!--\u2028\u2029"})
    assert "<" not in text
    assert "\u2028" not in text
    assert text == '{"a":"\\u003c/script>\\u003c!--\\u2028\\u2029"}'


# --- colours ---


def palettes() -> dict[str, dict[str, str]]:
    """The colours of the three themes: light, dark, print."""
    style = html.asset("page.css")
    blocks = re.findall(r":root \{(.*?)\}", style, flags=re.DOTALL)
    assert len(blocks) == 3
    found = {}
    for name, block in zip(("light", "dark", "print"), blocks, strict=True):
        found[name] = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
    return found


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_contrast(theme: str) -> None:
    colours = palettes()[theme]
    words = ("pass", "fail", "unknown", "skip", "critical", "high", "medium", "low", "info")
    pairs = [(text, ground) for text in ("ink", "soft", "brand", "link") for ground in ("paper", "raised")]
    pairs += [(word, f"{word}-soft") for word in words]
    pairs += [(text, f"{ground}-soft") for text in ("ink", "soft", "link") for ground in ("pass", "fail")]
    for text, ground in pairs:
        assert contrast(colours[text], colours[ground]) >= 4.5, (theme, text, ground)
    pairs += [(text, f"{ground}-soft") for text in ("ink", "soft") for ground in ("critical", "medium")]
    edges = [("edge", "paper"), ("edge", "raised"), *((word, "paper") for word in words)]
    edges += [("focus", "paper"), ("focus", "raised")] if theme != "print" else []
    for line, ground in edges:
        assert contrast(colours[line], colours[ground]) >= 3, (theme, line, ground)


def test_every_colour_of_the_style_sheet_is_one_of_the_palette() -> None:
    style = html.asset("page.css")
    used = set(re.findall(r"var\(--([a-z-]+)\)", style))
    assert used <= set(palettes()["light"])
    assert palettes()["light"].keys() == palettes()["dark"].keys()
