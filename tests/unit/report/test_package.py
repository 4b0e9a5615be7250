"""What a package holds, against the inventory it was made from."""

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bagit
import pytest

from nhiscan.inventory import open_inventory
from nhiscan.inventory.views import VIEWS
from nhiscan.report import Cover, PackageProblem, bag, keys, write_package
from nhiscan.report.package import package_id
from nhiscan.rule import Rule
from nhiscan.text import csv_plain, visible
from nhiscan.verify import verify

if TYPE_CHECKING:
    from .conftest import Made

NOW, DAY = 1_782_907_200, 86_400


def rows_of(package: Path, name: str) -> list[dict[str, str]]:
    """A CSV file as a reader would undo its protection."""
    with (package / "data" / name).open(encoding="utf-8", newline="") as file:
        return [{column: csv_plain(cell) for column, cell in row.items()} for row in csv.DictReader(file)]


def lines_of(package: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (package / "data" / name).read_bytes().decode().split("\n")[:-1]]


def report(package: Path) -> str:
    return (package / "data" / "01-report" / "report.html").read_bytes().decode()


def everything(package: Path) -> dict[str, bytes]:
    return {str(path.relative_to(package)): path.read_bytes() for path in package.rglob("*") if path.is_file()}


@pytest.mark.filterwarnings("ignore:'count' is passed as positional argument:DeprecationWarning")  # bagit on 3.13
def test_the_bagit_library_accepts_it(original: Path) -> None:
    assert bagit.Bag(str(original)).is_valid()


def test_every_file_is_in_its_place(original: Path) -> None:
    names = {str(path.relative_to(original / "data")) for path in (original / "data").rglob("*") if path.is_file()}
    wanted = {
        "00-README.html", "01-report/report.html", "02-scope/scope.json", "02-scope/limitations.csv",
        "02-scope/parameters.json", "02-scope/controls.csv", "03-population/keys.csv", "03-population/keys.jsonl",
        "03-population/identities.csv", "03-population/identities.jsonl", "03-population/grants.csv",
        "03-population/grants.jsonl", "03-population/access.csv", "03-population/escalation-paths.csv",
        "03-population/escalation-paths.jsonl", "03-population/documents.jsonl", "03-population/tie-out.csv",
        "03-population/reference/aws.json",
        "04-collection/transcript.jsonl", "04-collection/caller.json", "05-tests/counts.csv", "05-tests/results.csv",
        "05-tests/results.jsonl", "05-tests/deviations.csv", "06-lifecycle/findings.csv", "06-lifecycle/leavers.csv",
        "06-lifecycle/inputs.csv", *(f"03-population/inventory/{view}.jsonl" for view in VIEWS),
    }  # fmt: skip
    assert wanted <= names
    assert all(name.startswith("05-tests/rules/") for name in names - wanted)


def test_the_rules_are_there_as_run(original: Path, rules: list[Rule]) -> None:
    for rule in rules:
        text = (original / "data" / "05-tests" / "rules" / f"{rule.id}.toml").read_bytes()
        assert hashlib.sha256(text).hexdigest() == rule.sha256


def test_the_tables_hold_the_values_the_rules_saw(made: "Made", tmp_path: Path) -> None:
    from .conftest import Estate

    number = made.scan(Estate())
    made.write(tmp_path / "out")
    with made.inventory.bound(number) as bound:
        for view, columns in VIEWS.items():
            names = [column.name for column in columns]
            stored = sorted(map(repr, bound.sql.rows(f"SELECT {', '.join(names)} FROM {view}")))
            packaged = lines_of(tmp_path / "out", f"03-population/inventory/{view}.jsonl")
            assert sorted(repr(tuple(row[name] for name in names)) for row in packaged) == stored
            keyed = [tuple(row[key] for key in (("scope", "need") if view == "need" else ("key",))) for row in packaged]
            assert keyed == sorted(keyed)


@pytest.mark.parametrize(
    "stem", ["03-population/keys", "03-population/identities", "03-population/grants", "05-tests/results"]
)
def test_csv_and_jsonl_hold_the_same(original: Path, stem: str) -> None:
    table, lines = rows_of(original, f"{stem}.csv"), lines_of(original, f"{stem}.jsonl")
    assert lines
    assert [{name: cell for name, cell in row.items() if name != "_escaped"} for row in table] == [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in lines
    ]


def test_numbers_agree_across_files(original: Path) -> None:
    counts = rows_of(original, "05-tests/counts.csv")
    results = Counter(row["result"] for row in rows_of(original, "05-tests/results.csv"))
    failed = sum(int(row["deviation"]) for row in counts)
    unknown = sum(int(row["could_not_be_determined"]) for row in counts)
    assert (results["Deviation"], results["Could not be determined"]) == (failed, unknown)
    assert failed
    assert unknown
    assert len(rows_of(original, "05-tests/deviations.csv")) == failed
    for row in counts:
        parts = ("pass", "deviation", "not_applicable", "could_not_be_determined")
        assert int(row["population"]) == sum(int(row[name]) for name in parts)
    page = report(original)
    assert f'data-count="failed">{failed:,} ' in page
    assert f'data-count="unknown">{unknown:,} ' in page
    data = json.loads(re.findall(r'(?s)<script type="application/json" id="data">(.*?)</script>', page)[0])
    assert data["rows"] == failed + unknown
    by_rule: Counter[str] = Counter()
    for row in counts:
        by_rule[row["rule"]] += int(row["deviation"])
    printed = re.findall(r'(?s)<tr data-rule="([^"]+)">(.*?)</tr>', page)
    assert len(printed) == len(list((original / "data" / "05-tests" / "rules").iterdir()))
    for rule, line in printed:
        assert re.findall(r'class="number">([0-9,]+)<', line)[2] == f"{by_rule[rule]:,}"


@pytest.mark.parametrize("stem", ["keys", "identities", "grants"])
def test_every_row_names_its_scope_as_people_call_it(original: Path, stem: str) -> None:
    names = {row["scope_name"] for row in rows_of(original, f"03-population/{stem}.csv")}
    assert names
    assert names <= {row["scope_name"] for row in rows_of(original, "03-population/tie-out.csv")}


def test_calls_are_numbered_after_sorting_and_rows_point_to_them(original: Path) -> None:
    calls = lines_of(original, "04-collection/transcript.jsonl")
    assert [row["seq"] for row in calls] == list(range(1, len(calls) + 1))
    order = [(row["scope"], row["source"]) for row in calls]
    assert order == sorted(order)
    assert isinstance(calls[0]["parameters"], dict)
    for row in rows_of(original, "03-population/keys.csv"):
        if row["confirmed"] == "1":
            first, _, last = row["calls"].partition("-")
            named = calls[int(first) - 1 : int(last or first)]
            assert {(call["scope"], call["source"]) for call in named} == {(row["scope"], row["source"])}


def test_a_denied_listing_stands_on_page_one_and_never_reads_as_passed(original: Path) -> None:
    gaps = rows_of(original, "02-scope/limitations.csv")
    denied = [row for row in gaps if row["state"] == "denied"]
    assert [(row["scope"], row["permission"], row["breaks_completeness"]) for row in denied] == [
        ("aws/account/aws:444455556666", "iam:GenerateCredentialReport", "1")
    ]
    page = report(original)
    assert "Population proven complete: no" in page
    glance = page[page.index('id="glance"') : page.index('id="limitations"')]
    assert "iam:GenerateCredentialReport" in glance
    results = rows_of(original, "05-tests/results.csv")
    own = [row for row in results if row["subject"] == row["scope"] == "aws/account/aws:444455556666"]
    judged = [row["rule"] for row in own if row["result"] != "Could not be determined"]
    assert judged == ["permission-data-incomplete"]  # the one rule here whose subjects are scopes
    assert len(own) > 1


def test_a_complete_scan_is_proven_complete_and_a_difference_is_not(made: "Made", tmp_path: Path) -> None:
    from .conftest import Estate

    made.scan(Estate(denied=()))
    assert made.write(tmp_path / "whole").complete
    assert "Population proven complete: yes" in report(tmp_path / "whole")
    made.scan(Estate(denied=(), untied=("111122223333",), at=NOW + DAY))
    info = made.write(tmp_path / "untied")
    assert (info.complete, info.gaps) == (False, 1)
    assert "iam.account-authorization-details lists 6, iam.account-summary counts 7" in report(tmp_path / "untied")
    assert [row["result"] for row in rows_of(tmp_path / "untied", "03-population/tie-out.csv")] == [
        "not explained",
        "equal",
    ]


def test_a_connector_that_could_not_be_opened_is_a_gap(made: "Made", tmp_path: Path) -> None:
    from .conftest import Estate

    made.scan(Estate(denied=(), shut=True))
    info = made.write(tmp_path / "out")
    assert (info.complete, info.gaps) == (False, 1)
    assert "gcp/session, gcp.session: failed. no credentials" in report(tmp_path / "out")
    rows = rows_of(tmp_path / "out", "05-tests/deviations.csv")
    assert [row["rule"] for row in rows if row["scope"] == "gcp/session"] == ["scan-coverage-gap"]
    outcome = verify(tmp_path / "out", now=NOW)
    assert outcome.ok, [found.message for found in outcome.checks if not found.ok]


def test_scopes_outside_the_plan_are_named_with_their_last_scan(original: Path) -> None:
    scope = json.loads((original / "data" / "02-scope" / "scope.json").read_text())
    assert scope["scopes"]["known_but_not_planned"] == ["aws/account/aws:777788889999"]
    page = report(original)
    section = page[page.index('id="scope"') : page.index('id="produced"')]
    assert "aws/account/aws:777788889999" in section
    assert "scan 1, <time datetime=" in section
    assert not any(row["scope"].endswith("777788889999") for row in rows_of(original, "05-tests/results.csv"))
    assert not any(row["scope"].endswith("777788889999") for row in rows_of(original, "03-population/keys.csv"))


def test_without_a_roster_leavers_are_not_tested(made: "Made", tmp_path: Path) -> None:
    from .conftest import Estate

    made.scan(Estate(roster=False, denied=()))
    info = made.write(tmp_path / "out")
    assert info.complete
    assert "No people roster was given to this scan" in report(tmp_path / "out")
    assert rows_of(tmp_path / "out", "06-lifecycle/leavers.csv") == []
    assert [row["kind"] for row in rows_of(tmp_path / "out", "02-scope/limitations.csv") if row["kind"] != "fact"] == [
        "input"
    ]
    assert verify(tmp_path / "out", now=NOW).ok


def test_leavers(original: Path) -> None:
    rows = rows_of(original, "06-lifecycle/leavers.csv")
    outcomes = Counter(row["outcome"] for row in rows)
    assert outcomes["active_after_termination"]
    assert outcomes["no_account_matched"] == 1
    for row in rows:
        if row["outcome"] == "active_after_termination":
            assert row["person_id"] == "1"
            assert row["used_after_end"] == "yes"
            assert row["credential_state"] == "active"


def test_findings_keep_the_day_they_were_opened(original: Path) -> None:
    rows = rows_of(original, "06-lifecycle/findings.csv")
    assert {row["opened"] for row in rows} >= {"2026-06-01T12:00:00Z"}
    for row in rows:
        assert row["fingerprint"] == hashlib.sha256(f"{row['rule']}\x1f{row['subject']}".encode()).hexdigest()
    since = {row["fingerprint"]: row["opened"] for row in rows if row["state"] == "open"}
    for row in rows_of(original, "05-tests/deviations.csv"):
        assert row["open_since"] == since[row["fingerprint"]]


# --- hostile names ---

ELEMENTS = {
    "!doctype", "html", "head", "meta", "title", "body", "a", "header", "div", "p", "svg", "path", "circle", "rect",
    "h1", "h2", "h3", "h4", "dl", "dt", "dd", "br", "wbr", "nav", "ol", "ul", "li", "main", "section", "strong", "span",
    "table", "caption", "thead", "tbody", "tr", "th", "td", "time", "code", "article", "details", "summary", "pre",
    "noscript", "label", "input", "footer",
}  # fmt: skip
"""Every element that the templates make."""


def test_hostile_names_are_true_in_jsonl_and_safe_in_csv(original: Path) -> None:
    from .conftest import HOSTILE

    names = [row["name"] for row in lines_of(original, "03-population/identities.jsonl") if row["type"] == "user"]
    assert set(names) == set(HOSTILE)
    for path in (original / "data").rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                risky = [cell for cell in row.values() if cell[:1] in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20" and cell]
                assert risky == [], path
                assert row["_escaped"] == str(int(any(cell.startswith("'") for cell in row.values())))


def test_hostile_names_make_no_markup(original: Path) -> None:
    from .conftest import HOSTILE

    for name in ("01-report/report.html", "00-README.html"):
        page = (original / "data" / name).read_bytes().decode()
        markup = re.sub(r"(?s)<script.*?</script>|<style>.*?</style>", "", page)
        elements = set(re.findall(r"</?([^/\s>]*)", markup))
        assert elements <= ELEMENTS, elements - ELEMENTS
        assert "alert(1)</script>" not in page
        assert "<img" not in page
        assert page.count("<script") == (2 if "report" in name else 0)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\u2028]", page)
        assert "{{" not in page.replace("{{ 7*7 }}", "")
    page = report(original)
    for text in map(visible, HOSTILE):  # as text of the page, or in the data of its table
        in_data = json.dumps(text, ensure_ascii=False)[1:-1].replace("<", "\\u003c")
        assert text in unescape(page) or in_data in page, text
    assert "&lt;U+202E&gt;" in page or "\\u003cU+202E>" in page


def test_the_cover_cannot_add_a_label(original: Path) -> None:
    labels = bag.parse_info((original / bag.INFO).read_text())
    assert labels["Source-Organization"] == "Acme <Ltd> X: y"
    assert "X" not in labels
    assert "Acme &lt;Ltd&gt;" in report(original)
    assert "not stated" in report(original)


@pytest.mark.parametrize(
    ("organisation", "name"),
    [
        (None, "nhiscan-evidence-20260701T120000Z"),
        ("Acme Ltd.", "nhiscan-acme-ltd-20260701T120000Z"),
        ("../../etc", "nhiscan-etc-20260701T120000Z"),
        ("株式会社", "nhiscan-evidence-20260701T120000Z"),
        ("a" * 80, f"nhiscan-{'a' * 40}-20260701T120000Z"),
    ],
)
def test_package_ids_are_made_of_safe_letters(organisation: str | None, name: str) -> None:
    assert package_id(organisation, NOW) == name


def test_words_that_claim_too_much_appear_nowhere(original: Path) -> None:
    for name, content in everything(original).items():
        if "/rules/" not in name:
            text = content.decode().lower()
            assert not re.search(r"\bcompliant\b|\bcertified\b|passed soc|soc 2 passed", text), name


def test_no_page_has_an_address_of_the_outside(original: Path) -> None:
    for path in (original / "data").rglob("*.html"):
        for target in re.findall(r'(?:href|src)="([^"]*)"', path.read_text(encoding="utf-8")):
            assert target.startswith("#") or (path.parent / target).exists(), (path.name, target)


# --- the same bytes ---


def test_two_signers_have_the_same_payload(made: "Made", tmp_path: Path) -> None:
    from .conftest import Estate

    made.scan(Estate())
    made.write(tmp_path / "one")
    other = keys.signer_from_seed(b"x" * 32, principal="else", remark="A key for tests. " + "Nobody else has it. " * 5)
    info = made.write(tmp_path / "two" / "deeper", signer=other)
    one, two = everything(tmp_path / "one"), everything(tmp_path / "two" / "deeper")
    assert one.keys() == two.keys()
    assert {name for name in one if one[name] != two[name]} == {bag.VERIFY, bag.TAG_MANIFEST, bag.SIGNATURE}
    assert "A key for tests." in two[bag.VERIFY].decode()
    remark = [line for line in two[bag.VERIFY].decode().splitlines() if line.startswith(" " * 10)]
    assert len(remark) > 1
    assert all(len(line) < 80 for line in remark)
    assert info.fingerprint in two[bag.VERIFY].decode()


def test_another_zone_hash_seed_and_locale_give_the_same_bytes(made: "Made", tmp_path: Path) -> None:
    from .conftest import Estate

    made.scan(Estate())
    made.write(tmp_path / "here")
    code = (
        "import sys\nfrom pathlib import Path\nfrom nhiscan import data\nfrom nhiscan.inventory import open_inventory\n"
        "from nhiscan.report import Cover, keys, write_package\nfrom nhiscan.rule import load\n"
        "write_package(open_inventory(sys.argv[1]), None, Path(sys.argv[2]), parameters={},\n"
        "    rules=load([data.folder('rules')]), signer=keys.signer_from_seed(bytes(range(32))),\n"
        "    cover=Cover('Acme <Ltd>\\nX: y', 'Payments', None))\n"
    )
    place = str(tmp_path / "inventory" / "nhiscan.db")
    for number, (zone, seed, locale) in enumerate(
        [("Asia/Kathmandu", "1", "C"), ("America/St_Johns", "77", "de_DE.UTF-8")]
    ):
        out = tmp_path / f"there-{number}"
        environment = {**os.environ, "TZ": zone, "PYTHONHASHSEED": seed, "LC_ALL": locale, "LANG": locale}
        subprocess.run([sys.executable, "-c", code, place, str(out)], env=environment, check=True, timeout=300)
        assert everything(out) == everything(tmp_path / "here")


@pytest.mark.postgres
def test_postgresql_gives_the_same_payload(made: "Made", tmp_path: Path, postgres_database: str) -> None:
    from .conftest import Estate

    elsewhere = replace(made, inventory=open_inventory(postgres_database))
    for one, out in ((made, "sqlite"), (elsewhere, "postgresql")):
        one.scan(Estate())
        one.scan(Estate(at=NOW + DAY, users=5))
        one.write(tmp_path / out)
    assert everything(tmp_path / "sqlite") == everything(tmp_path / "postgresql")


# --- where it is written ---


def test_a_folder_that_is_there_is_refused_and_left_alone(made: "Made", tmp_path: Path) -> None:
    from .conftest import Estate

    made.scan(Estate())
    out = tmp_path / "out"
    made.write(out)
    before = everything(out)
    with pytest.raises(PackageProblem, match=r"is there already. Name another folder. .*--replace"):
        made.write(out)
    (out / "mine.txt").write_text("mine")
    with pytest.raises(PackageProblem, match=r"no part of the package in it: mine\.txt"):
        made.write(out, replace=True)
    (out / "mine.txt").unlink()
    made.write(out, replace=True)
    assert everything(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inventory", "out"]


@pytest.mark.parametrize("what", ["file", "link", "other"])
def test_what_is_no_package_is_never_replaced(made: "Made", tmp_path: Path, what: str) -> None:
    from .conftest import Estate

    made.scan(Estate())
    out = tmp_path / "out"
    if what == "file":
        out.write_text("mine")
    elif what == "link":
        (tmp_path / "real").mkdir()
        out.symlink_to(tmp_path / "real")
    else:
        out.mkdir()
        (out / "mine.txt").write_text("mine")
    with pytest.raises(PackageProblem):
        made.write(out, replace=True)


def test_a_folder_that_cannot_be_made_is_named(made: "Made", tmp_path: Path) -> None:
    from .conftest import Estate

    made.scan(Estate())
    (tmp_path / "file").write_text("")
    with pytest.raises(PackageProblem, match=r"cannot write .*file/out: File exists. Name another folder"):
        made.write(tmp_path / "file" / "out")


def test_an_empty_folder_is_used(made: "Made", tmp_path: Path) -> None:
    from .conftest import Estate

    made.scan(Estate())
    (tmp_path / "out").mkdir()
    assert made.write(tmp_path / "out").path == tmp_path / "out"
    assert verify(tmp_path / "out", now=NOW).ok


def test_no_scan_and_other_rules_are_refused(made: "Made", tmp_path: Path) -> None:
    from .conftest import Estate

    with pytest.raises(PackageProblem, match="no scan is stored yet"):
        made.write(tmp_path / "out")
    made.scan(Estate())
    with pytest.raises(PackageProblem, match="there is no scan 7"):
        made.write(tmp_path / "out", 7)

    def write(rules: list[Rule], parameters: dict[str, dict[str, int]]) -> None:
        write_package(
            made.inventory,
            None,
            tmp_path / "out",
            rules=rules,
            parameters=parameters,
            signer=made.signer,
            cover=Cover(),
        )

    rule = next(rule for rule in made.rules if rule.params)
    name = next(iter(rule.params))
    with pytest.raises(PackageProblem, match=f"not those that scan 1 was judged by \\({rule.id}\\)"):
        write(made.rules, {rule.id: {**rule.parameters(), name: 12345}})
    with pytest.raises(PackageProblem, match="not those that scan 1 was judged by"):
        write([replace(rule, sha256="0" * 64) if other.id == rule.id else other for other in made.rules], {})
    with pytest.raises(PackageProblem, match="not those that scan 1 was judged by"):
        write([other for other in made.rules if other.id != rule.id], {})
    assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["inventory"]


def test_a_past_scan_can_be_packaged_and_verified(made: "Made", tmp_path: Path) -> None:
    from .conftest import Estate

    made.scan(Estate(at=NOW, users=4))
    made.scan(Estate(at=NOW + DAY, users=6, denied=()))
    made.write(tmp_path / "now")
    made.write(tmp_path / "then", 1)
    for out, number in (("now", 6), ("then", 4)):
        assert len(rows_of(tmp_path / out, "03-population/keys.csv")) == 2 * number
        outcome = verify(tmp_path / out, now=NOW)
        assert outcome.ok, [found.message for found in outcome.checks if not found.ok]
