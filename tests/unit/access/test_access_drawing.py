"""Drawings of paths: XML that any reader takes, within their edges, the same bytes each time, hostile names or not."""

import os
import re
import subprocess
import sys
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest

from nhiscan.access import drawing
from nhiscan.access.dot import dot, quoted
from nhiscan.access.names import Names, Who
from nhiscan.access.paths import Path
from nhiscan.inventory.sql import Sql, fill
from nhiscan.text import visible

from .conftest import CHAIN, HOSTILE, ITSELF, NOWHERE, hop, read, row

SVG = "{http://www.w3.org/2000/svg}"


def drawn(paths: list[Path], start: Who) -> ET.Element:
    return ET.fromstring(drawing.svg(paths, start, ident="x", standalone=True))


def hostile(sql: Sql, names: Names, name: str) -> tuple[list[Path], Who]:
    """Paths in which everything that has a name has this one."""
    clean = name.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")  # as names enter the inventory
    fill(sql, "identity", [{"key": "h", "scope": "h", "kind": clean, "native_id": "H", "name": clean, "arn": clean}])
    fill(sql, "scope", [{"key": "h", "provider": "aws", "kind": "account", "native_id": "h", "name": clean}])
    fill(sql, "access_grant", [{"key": "hg", "scope": "h", "kind": "inline_policy", "principal": "h", "name": clean}])
    fresh = Names(sql)
    step = hop("h", "h", clean, clean, clean + "2", category=clean, conditions=[clean], why=clean, needs=clean)
    ways = read(
        sql, fresh, row(key="1", principal="h", target="h", steps=[step, step], needs=clean, grade=clean, via="hg"),
        row(key="2", principal="h", target=None, outcome=clean, confidence=clean, steps=[]),
    )  # fmt: skip
    return ways, fresh.who("h")


def texts(root: ET.Element) -> list[str]:
    """What is to be seen: the texts without their hints."""
    return ["".join(node.itertext()) if node.find(f"{SVG}title") is None else (node.find(f"{SVG}title").tail or "")  # type: ignore[union-attr]
            for node in root.iter(f"{SVG}text")]  # fmt: skip


def test_a_path_is_boxes_and_arrows_with_what_they_need(sql: Sql, names: Names) -> None:
    ways = read(sql, names, CHAIN)
    root = drawn(ways, names.who("u1"))
    assert texts(root) == [
        "ci-runner", "user, acme-prod", "1 becomes", "sts:AssumeRole", "deployer", "role, acme-prod",
        "2 runs something new as", "iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction",
        "and 1 more action", "if aws:SourceIp", "admin", "role, acme-prod", "administrator rights",
        "exploitable now, proven",
    ]  # fmt: skip
    assert len(list(root.iter(f"{SVG}rect"))) == 3 + 1  # and the ground
    heads = [node for node in root.iter(f"{SVG}path") if node.get("class") == "way-head"]
    assert len(heads) == 2
    dashes = [node.get("stroke-dasharray") for node in root.iter(f"{SVG}path") if node.get("class") == "way-line"]
    assert dashes == [None, "4 3"]


def test_it_is_one_image_with_a_title_and_a_description(sql: Sql, names: Names) -> None:
    root = drawn(read(sql, names, CHAIN), names.who("u1"))
    assert root.get("role") == "img"
    named = {node.get("id"): node.text for node in root.iter() if node.get("id")}
    assert [named[name] for name in (root.get("aria-labelledby") or "").split()] == [
        "ci-runner can become administrator in 2 steps",
        "1. ci-runner becomes deployer; 2. deployer runs something new as admin.",
    ]


def test_several_paths_hang_from_one_box(sql: Sql, names: Names) -> None:
    ways = read(sql, names, ITSELF, CHAIN, NOWHERE)
    shown = texts(drawn(ways, names.who("u1")))
    assert shown.count("ci-runner") == 2  # where it starts, and what it becomes by itself
    assert [text for text in shown if re.match(r"\d\.\d ", text)] == [
        "1.1 changes its own rights", "2.1 becomes", "2.2 runs something new as", "3.1 uses what runs as",
    ]  # fmt: skip
    assert "itself: user, acme-prod" in shown
    assert "an identity that is not known" in shown
    assert "more rights than it had" in shown


def test_of_many_paths_some_are_drawn_and_the_rest_are_counted(sql: Sql, names: Names) -> None:
    ways = read(sql, names, *(row(key=str(number)) for number in range(30)))
    assert "and 22 more paths" in texts(drawn(ways, names.who("u1")))


def test_without_a_path_there_is_one_box(sql: Sql, names: Names) -> None:
    root = drawn([], names.who("r1"))
    assert texts(root) == ["deployer", "role, acme-prod"]
    assert root.find(f"{SVG}title").text == "No path from deployer to more than it has is known"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_text_within_the_edges(sql: Sql, names: Names, name: str) -> None:
    ways, start = hostile(sql, names, name)
    for paths in (ways[:1], ways, []):
        text = drawing.svg(paths, start, ident="x", standalone=True)
        root = ET.fromstring(text)
        known = {"svg", "title", "desc", "style", "rect", "g", "path", "text"}
        assert {node.tag.removeprefix(SVG) for node in root.iter()} <= known
        assert not re.search(
            "script|onerror|href|url\\(|@import", "".join(f"{k}={v}" for n in root.iter() for k, v in n.attrib.items())
        )
        assert visible(text.replace("\n", "")) == text.replace("\n", "")
        width, height = int(root.get("width") or 0), int(root.get("height") or 0)
        assert root.get("viewBox") == f"0 0 {width} {height}"
        assert width <= 400
        for node in root.iter(f"{SVG}text"):
            shown = (node.find(f"{SVG}title").tail if node.find(f"{SVG}title") is not None else node.text) or ""  # type: ignore[union-attr]
            size = int(node.get("font-size") or 0)
            assert int(node.get("x") or 0) + drawing.width(shown, size) <= width
            assert 0 < int(node.get("y") or 0) < height
        for node in root.iter(f"{SVG}rect"):
            assert int(node.get("x") or 0) + int(node.get("width") or 0) <= width
            assert int(node.get("y") or 0) + int(node.get("height") or 0) <= height


@pytest.mark.parametrize("name", HOSTILE[-3:], ids=("wide", "long", "combining"))
def test_a_name_that_is_cut_stands_whole_in_its_hint(sql: Sql, names: Names, name: str) -> None:
    ways, start = hostile(sql, names, name)
    root = drawn(ways[:1], start)
    first = next(root.iter(f"{SVG}text"))
    hint = first.find(f"{SVG}title")
    if drawing.width(name, 13) > 316:
        assert hint is not None
        assert hint.text == name
        assert (hint.tail or "").endswith("\u2026")
        assert name.startswith((hint.tail or "")[:-1])
    else:
        assert first.text == name


def test_a_long_address_has_two_lines_and_its_first_part_whole(sql: Sql, names: Names) -> None:
    address = "github-deploy@lanternfish-build.iam.gserviceaccount.com"
    for key, name in (("l", address), ("s", "ci@build.iam.gserviceaccount.com")):
        fill(sql, "identity", [{"key": key, "scope": "a", "kind": "service_account", "native_id": key, "name": name,
                                "arn": name}])  # fmt: skip
    fresh = Names(sql)
    shown = texts(drawn([], fresh.who("l")))
    assert shown[:2] == ["github-deploy", "@lanternfish-build.iam.gserviceaccount.com"]
    assert texts(drawn([], fresh.who("s")))[0] == "ci@build.iam.gserviceaccount.com"
    root = drawn([], fresh.who("l"))
    assert [node.text for group in root.iter(f"{SVG}g") for node in group.findall(f"{SVG}title")] == [address]


def test_nothing_but_short_names_is_left_uncut() -> None:
    assert drawing.cut("short", 340, 13) == "short"
    assert drawing.cut("", 340, 13) == ""
    assert drawing.cut("x" * 100, 100, 10) == "x" * 15 + "\u2026"
    assert drawing.cut("名" * 100, 100, 10) == "名" * 8 + "\u2026"


def test_the_same_paths_give_the_same_bytes() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from nhiscan.access import drawing, dot\n"
        "from nhiscan.access.names import Who, Source\n"
        "from nhiscan.access.paths import Allow, Hop, Path\n"
        "from nhiscan.model import EscalationPath\n"
        "a, b = Who('a', 'a', 'user', None, 's', 's'), Who('b', 'b', 'role', None, 's', 's')\n"
        "allow = Allow('x:y', '*', Source('g', 'g', 'inline_policy', a, None), '1', ('k2', 'k1', 'k3'))\n"
        "row = EscalationPath('k', 's', 'a', 'b', 'm', 'chain', 'more', 'conditional', 1, 1, '[]', 'x', None, None)\n"
        "way = Path(row, a, b, (Hop(a, b, 'm', 'assume_role', (allow,), None, None),), None)\n"
        "print(drawing.svg([way], a, ident='i'), dot.dot([way], start=a))"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", code, ""],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(made) == 1


# --- DOT ---


class Graph(NamedTuple):
    """A graph as a reader of DOT sees it: attributes still as quoted."""

    nodes: dict[str, dict[str, str]]
    edges: list[tuple[str, str, dict[str, str]]]


_TOKEN = re.compile(
    r'\s+|(?P<id>[A-Za-z_][A-Za-z_0-9]*|-?[0-9]+)|(?P<string>"(?:[^"\\]|\\.)*")|(?P<sign>->|[{}\[\];=,])'
)


def graph(text: str) -> Graph:
    """Reads the part of the DOT language that we write (its grammar as Graphviz documents it), and nothing else."""
    found: list[str] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match is not None, f"no token of DOT: {text[at : at + 40]!r}"
        found += [match[0]] if match[0].strip() else []
        at = match.end()
    tokens = iter(found)
    assert [next(tokens) for _ in range(3)] == ["digraph", "access", "{"]
    made = Graph({}, [])
    while (token := next(tokens)) != "}":
        assert re.fullmatch(r"graph|node|edge|n[0-9]+", token)
        other, sign = "", next(tokens)
        if sign == "->":
            other, sign = next(tokens), next(tokens)
            assert {token, other} <= made.nodes.keys()
        assert sign == "["
        attributes: dict[str, str] = {}
        while sign != "]":
            name, equals, value, sign = (next(tokens) for _ in range(4))
            assert (equals, sign in ",]") == ("=", True)
            assert name not in attributes
            attributes[name] = value
        assert next(tokens) == ";"
        if other:
            made.edges.append((token, other, attributes))
        elif token not in ("graph", "node", "edge"):
            made.nodes.setdefault(token, {}).update(attributes)
    assert list(tokens) == []
    return made


def unquoted(text: str) -> list[str]:
    """The lines that a quoted string of DOT shows, by the rules of Graphviz."""
    assert text[0] == text[-1] == '"'
    lines = [""]
    inside = iter(text[1:-1].replace('\\"', "\x00"))
    for letter in inside:
        if letter != "\\":
            assert letter != '"'
            lines[-1] += letter
            continue
        after = next(inside)
        assert after in "\\n", f"Graphviz would put something else in for \\{after}"
        if after == "n":
            lines.append("")
        else:
            lines[-1] += "\\"
    return [line.replace("\x00", '"').replace("&amp;", "&") for line in lines]


def test_a_graph_has_a_node_for_each_identity(sql: Sql, names: Names) -> None:
    made = graph(dot(read(sql, names, ITSELF, CHAIN, NOWHERE), start=names.who("u1")))
    assert {name: unquoted(node["label"]) for name, node in made.nodes.items()} == {
        "n0": ["ci-runner", "user, acme-prod"],
        "n1": ["deployer", "role, acme-prod"],
        "n2": ["admin", "role, acme-prod"],
        "n3": ["an identity that is not known"],
    }
    edges = [(source, target, attributes.get("style")) for source, target, attributes in made.edges]
    assert edges == [("n0", "n0", None), ("n0", "n1", None), ("n1", "n2", "dashed"), ("n0", "n3", "dashed")]
    assert unquoted(made.edges[2][2]["label"])[:2] == ["2.2 runs something new as", "iam:PassRole"]


def test_without_a_path_the_graph_is_one_node(sql: Sql, names: Names) -> None:
    made = graph(dot([], start=names.who("u1")))
    assert [unquoted(node["label"])[0] for node in made.nodes.values()] == ["ci-runner"]
    assert made.edges == []


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_text_in_a_graph(sql: Sql, names: Names, name: str) -> None:
    ways, start = hostile(sql, names, name)
    made = graph(dot(ways, start=start))
    assert unquoted(made.nodes["n0"]["label"])[0] == visible(start.name)
    assert len(made.nodes) == 2
    assert len(made.edges) == 3


def test_what_stands_for_itself_in_dot() -> None:
    assert quoted("a", "b") == '"a\\nb"'
    assert quoted('"\\N&') == '"\\"\\\\N&amp;"'
