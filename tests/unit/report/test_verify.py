"""Every way to tamper with a package that the tamper table knows, and some more, through the verifier."""

import hashlib
import json
import os
import re
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nhiscan.inventory.views import KEYS as KEYS_OF
from nhiscan.inventory.views import VIEWS
from nhiscan.report import bag, keys
from nhiscan.verify import Verification, verify

if TYPE_CHECKING:
    from .conftest import Made

NOW = 1_782_907_200
KEYS = "data/03-population/keys.csv"
CREDENTIALS = "data/03-population/inventory/credential.jsonl"
NEEDS = "data/03-population/inventory/need.jsonl"
COUNTS = "data/05-tests/counts.csv"
RESULTS = "data/05-tests/results.jsonl"


def check(package: Path, **more: Path) -> Verification:
    return verify(package, more.get("allowed_signers"), now=NOW)


def failures(package: Path, name: str | None = None) -> list[str]:
    return [found.message for found in check(package).checks if not found.ok and name in (None, found.name)]


def seal_again(package: Path, *, sign: keys.Signer | None = None) -> None:
    """Recompute every list as somebody would who edited a file; sign where a signer is given."""
    names = sorted(path.relative_to(package).as_posix() for path in (package / "data").rglob("*") if path.is_file())

    def line(name: str) -> str:
        return f"{hashlib.sha256((package / name).read_bytes()).hexdigest()}  {name}\n"

    (package / bag.MANIFEST).write_text("".join(map(line, names)))
    info = (package / bag.INFO).read_text()
    size = sum((package / name).stat().st_size for name in names)
    (package / bag.INFO).write_text(re.sub(r"(?m)^Payload-Oxum: .*$", f"Payload-Oxum: {size}.{len(names)}", info))
    tags = "".join(map(line, bag.TAG_FILES))
    (package / bag.TAG_MANIFEST).write_text(tags)
    if sign is not None:
        (package / bag.SIGNATURE).write_text(sign.sign(tags.encode()))


def edit(package: Path, name: str, change: Callable[[str], str]) -> None:
    path = package / name
    text = path.read_bytes().decode()
    changed = change(text)
    assert changed != text
    path.write_bytes(changed.encode())


def drop_line(number: int) -> Callable[[str], str]:
    return lambda text: "".join(line for place, line in enumerate(text.splitlines(keepends=True)) if place != number)


def somebody() -> keys.Signer:
    return keys.signer_from_seed(b"somebody else, not the signer..."[:32])


# --- untouched ---


def test_an_untouched_package_is_accepted(package: Path) -> None:
    outcome = check(package)
    assert failures(package) == []
    assert outcome.ok
    signer = keys.signer_from_seed(bytes(range(32)))
    assert (outcome.signer, outcome.signer_checked) == (signer.fingerprint, False)
    assert any(f"signed by {signer.fingerprint}, signer not checked" in found.message for found in outcome.checks)


def test_the_allowed_signers_file_names_the_signer(package: Path) -> None:
    outcome = check(package, allowed_signers=package.parent / "allowed_signers")
    assert outcome.ok
    assert (outcome.principal, outcome.signer_checked) == (keys.PRINCIPAL, True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (somebody().allowed_signers, "does not name"),
        ("", "does not name"),
        ("garbage\n", "line 1"),
        ('{line},valid-before="20200101Z" {key}', "no longer valid"),
        ('{line},valid-after="20300101Z" {key}', "not valid yet"),
        ('who namespaces="file" {key}', "other purposes"),
    ],
)
def test_a_signer_who_may_not_sign_is_refused(package: Path, text: str, why: str) -> None:
    allowed = package.parent / "allowed_signers"
    line, _, key = allowed.read_text().partition(" ssh-ed25519 ")
    allowed.write_text(text.replace("{line}", line).replace("{key}", f"ssh-ed25519 {key}"))
    outcome = check(package, allowed_signers=allowed)
    assert not outcome.ok
    assert not outcome.signer_checked
    assert any(why in found.message for found in outcome.checks if not found.ok)


def test_an_allowed_signers_file_that_is_missing_fails(package: Path) -> None:
    outcome = check(package, allowed_signers=package.parent / "nowhere")
    assert any("cannot be read" in found.message for found in outcome.checks if not found.ok)


# --- the tamper table ---


def test_an_edited_row(package: Path) -> None:
    edit(package, KEYS, lambda text: text.replace("AKIA", "AKIB", 1))
    assert any(message.startswith(f"{KEYS}: was changed") for message in failures(package, "hashes"))
    assert any(message.startswith(f"{KEYS}, line 2: says") for message in failures(package, "tests"))


def test_an_added_payload_file(package: Path) -> None:
    (package / "data" / "extra.txt").write_text("hello")
    assert "data/extra.txt: was added; no list names it" in failures(package, "files")


def test_a_file_added_beside_the_manifests(package: Path) -> None:
    (package / "notes.txt").write_text("hello")
    assert failures(package) == ["notes.txt: was added; no list names it"]


@pytest.mark.parametrize("name", [KEYS, CREDENTIALS, COUNTS, "data/01-report/report.html", "data/02-scope/scope.json"])
def test_a_removed_payload_file(package: Path, name: str) -> None:
    (package / name).unlink()
    assert f"{name}: is missing" in failures(package, "files")


def test_edited_bag_info(package: Path) -> None:
    edit(package, bag.INFO, lambda text: text.replace("Acme", "Apex"))
    assert failures(package) == [f"{bag.INFO}: was changed; its SHA-256 is not the one listed"]


@pytest.mark.parametrize("name", [bag.BAGIT, bag.VERIFY, bag.MANIFEST, bag.TAG_MANIFEST])
def test_every_tag_file_is_guarded(package: Path, name: str) -> None:
    edit(package, name, lambda text: text + "\n")
    assert failures(package)


def test_an_edited_row_with_every_list_recomputed(package: Path) -> None:
    edit(package, KEYS, lambda text: text.replace("AKIA", "AKIB", 1))
    seal_again(package)
    wrong = [found for found in check(package).checks if not found.ok and found.name != "tests"]
    assert [found.message for found in wrong] == [f"{bag.SIGNATURE}: the signature does not fit the signed file"]


def test_a_file_and_its_line_removed_and_lists_recomputed(package: Path) -> None:
    (package / KEYS).unlink()
    seal_again(package)
    assert failures(package, "signature")
    assert any(message.startswith(f"{KEYS}: is missing") for message in failures(package, "tests"))


def test_a_payload_file_replaced_by_a_link_to_the_same_bytes(package: Path) -> None:
    shutil.move(package / KEYS, package.parent / "keys.csv")
    (package / KEYS).symlink_to(package.parent / "keys.csv")
    assert any(message.startswith(f"{KEYS}: is a symbolic link") for message in failures(package, "files"))
    assert failures(package, "tests") == ["not performed again: the package holds something that is no regular file"]


def test_a_folder_replaced_by_a_link(package: Path) -> None:
    shutil.move(package / "data" / "05-tests", package.parent / "tests")
    (package / "data" / "05-tests").symlink_to(package.parent / "tests")
    assert any(message.startswith("data/05-tests: is a symbolic link") for message in failures(package, "files"))


def test_a_pipe_does_not_hold_the_verifier_up(package: Path) -> None:
    (package / KEYS).unlink()
    os.mkfifo(package / KEYS)
    assert any(message.startswith(f"{KEYS}: is no regular file") for message in failures(package, "files"))


@pytest.mark.parametrize("name", [bag.MANIFEST, bag.TAG_MANIFEST, bag.SIGNATURE, bag.INFO])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir])
def test_a_list_that_is_no_file_does_not_hold_the_verifier_up(
    package: Path, name: str, make: Callable[[Path], None]
) -> None:
    (package / name).unlink()
    make(package / name)
    assert any(name in message for message in failures(package))


def test_a_removed_signature(package: Path) -> None:
    (package / bag.SIGNATURE).unlink()
    assert failures(package, "files") == [f"{bag.SIGNATURE}: is missing"]
    assert failures(package, "signature") == [f"{bag.SIGNATURE}: there is no readable signature"]


def test_an_empty_folder_is_named_and_harmless(package: Path) -> None:
    (package / "data" / "empty").mkdir()
    outcome = check(package)
    assert outcome.ok
    assert any("data/empty is an empty folder" in found.message for found in outcome.checks)


def test_fetch_and_names_outside_the_alphabet(package: Path) -> None:
    (package / "fetch.txt").write_text("https://example.org 1 data/x\n")
    (package / "data" / "a b").write_text("")
    (package / "data" / "00-readme.html").write_text("")
    found = "\n".join(failures(package, "files"))
    assert "fetch.txt: a package holds its whole payload" in found
    assert "'data/a b': the name uses characters" in found
    assert "differs from data/00-README.html by case alone" in found


def test_payload_oxum(package: Path) -> None:
    edit(package, bag.INFO, lambda text: re.sub(r"Payload-Oxum: \d+", "Payload-Oxum: 1", text))
    assert any("Payload-Oxum says 1." in message for message in failures(package, "hashes"))


# --- what hashes and a signature of somebody cannot hide ---


def reseal(package: Path) -> dict[str, list[str]]:
    """Seal as somebody else would, see that bytes and signature are fine then, and give what else is wrong."""
    seal_again(package, sign=somebody())
    wrong: dict[str, list[str]] = {"tests": [], "findings": [], "calls": [], "population": [], "derived facts": []}
    for found in check(package).checks:
        if not found.ok:
            wrong[found.name].append(found.message)
    return wrong


def test_an_edited_population_row_sealed_again(package: Path) -> None:
    """An old key made young: the verdict that it is overdue no longer follows."""

    def younger(text: str) -> str:
        lines = [json.loads(line) for line in text.splitlines()]
        row = next(row for row in lines if row["state"] == "active" and row["created_at"] < NOW - 300 * 86400)
        row["created_at"] = row["changed_at"] = NOW - 86400
        return "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in lines)

    edit(package, CREDENTIALS, younger)
    found = reseal(package)["tests"]
    assert any(message.startswith(COUNTS) for message in found)
    assert any(message.startswith("data/05-tests/results.csv, line ") for message in found)
    assert any(message.startswith("data/01-report/report.html, line ") for message in found)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (COUNTS, lambda text: re.sub(r"(aws:\d+),(\d+),(\d+),", r"\1,\2,\g<3>9,", text, count=1)),
        (COUNTS, drop_line(3)),
        (RESULTS, drop_line(0)),
        (RESULTS, lambda text: text.replace('"result":"Deviation"', '"result":"Could not be determined"', 1)),
        ("data/05-tests/results.csv", lambda text: text.replace(",high,", ",low,", 1)),
        ("data/05-tests/deviations.csv", drop_line(2)),
        ("data/03-population/identities.jsonl", drop_line(1)),
        ("data/03-population/tie-out.csv", lambda text: text.replace(",equal,", ",explained,", 1)),
        ("data/02-scope/limitations.csv", drop_line(1)),
        ("data/02-scope/controls.csv", lambda text: text.replace("direct", "weak", 1)),
        ("data/06-lifecycle/leavers.csv", drop_line(1)),
        (
            "data/01-report/report.html",
            lambda text: text.replace("Population proven complete: no", "Population proven complete: yes"),
        ),
        (
            "data/00-README.html",
            lambda text: text.replace("Population proven complete: no", "Population proven complete: yes"),
        ),
        (
            "data/02-scope/scope.json",
            lambda text: text.replace('"population_proven_complete": false', '"population_proven_complete": true'),
        ),
    ],
)
def test_an_edited_result_sealed_again(package: Path, name: str, change: Callable[[str], str]) -> None:
    edit(package, name, change)
    found = [message for found in reseal(package).values() for message in found]
    assert any(message.startswith(f"{name}, line ") for message in found)
    assert all(message.startswith(name) for message in found)


def test_a_removed_population_row_sealed_again(package: Path) -> None:
    edit(package, CREDENTIALS, drop_line(0))
    found = reseal(package)["tests"]
    assert any(message.startswith(COUNTS) for message in found)
    assert any(message.startswith(f"{KEYS}, line ") for message in found)


def test_an_edited_parameter_sealed_again(package: Path) -> None:
    edit(package, "data/02-scope/parameters.json", lambda text: text.replace('"value": 90', '"value": 900', 1))
    found = reseal(package)
    assert any("rules_sha256 is not that of the packaged rules" in message for message in found["tests"])


def test_an_edited_rule_sealed_again(package: Path) -> None:
    rule = "data/05-tests/rules/access-key-not-rotated.toml"
    edit(package, rule, lambda text: text.replace("'fail'", "'pass'"))
    found = reseal(package)
    assert found["tests"]


def test_a_finding_that_is_hidden_sealed_again(package: Path) -> None:
    name = "data/06-lifecycle/findings.csv"
    edit(package, name, lambda text: text.replace(",open,", ",closed,", 1))
    found = reseal(package)
    assert any("and no open finding says so" in message for message in found["findings"])


def test_a_fingerprint_that_is_another_one_sealed_again(package: Path) -> None:
    name = "data/06-lifecycle/findings.csv"
    edit(package, name, lambda text: re.sub(r"(?m)^[0-9a-f]{4}", "0000", text, count=1))
    found = reseal(package)
    assert any("the fingerprint of" in message for message in found["findings"])


def test_an_edited_call_sealed_again(package: Path) -> None:
    edit(package, "data/04-collection/transcript.jsonl", lambda text: text.replace('"items":3', '"items":4', 1))
    found = reseal(package)
    assert any("are not those that were recorded" in message for message in found["calls"])


def test_a_removed_call_sealed_again(package: Path) -> None:
    edit(package, "data/04-collection/transcript.jsonl", lambda text: "".join(text.splitlines(keepends=True)[:-2]))
    found = reseal(package)
    assert any("are missing" in message for message in found["calls"])


def test_an_edited_document_sealed_again(package: Path) -> None:
    edit(package, "data/03-population/documents.jsonl", lambda text: text.replace('\\"*\\"', '\\"s3:Get*\\"', 1))
    found = reseal(package)
    assert any("does not have the digest stated" in message for message in found["population"])


def test_a_derived_fact_that_does_not_follow_sealed_again(package: Path) -> None:
    edit(package, "data/03-population/inventory/owner.jsonl", lambda text: text.replace("nobody@", "bo@", 1))
    found = reseal(package)
    assert any("does not follow from the population" in message for message in found["derived facts"])


def test_a_derived_row_removed_sealed_again(package: Path) -> None:
    edit(package, "data/03-population/inventory/effective_access.jsonl", drop_line(0))
    found = reseal(package)
    assert any("effective_access of" in message for message in found["derived facts"])


def test_an_added_file_sealed_again(package: Path) -> None:
    (package / "data" / "05-tests" / "opinion.txt").write_text("all is well\n")
    found = [message for found in reseal(package).values() for message in found]
    assert found == ["data/05-tests/opinion.txt: is no file of a package of this format"]


# --- what a stranger may send ---

BROKEN: list[tuple[str, str, str]] = [
    (CREDENTIALS, "{", "line 1: is no JSON"),
    (CREDENTIALS, "[]\n", "line 1: is no JSON object"),
    (CREDENTIALS, "[" * 200_000 + "\n", "line 1: is no JSON"),
    (CREDENTIALS, "{}\n", "line 1: has not the columns of the table credential"),
    (CREDENTIALS, "\xff\n", "line 1"),
    ("data/03-population/documents.jsonl", '{"digest":1,"kind":"policy","text":""}\n', "line 1: is no document"),
    ("data/02-scope/scope.json", "{\n{", "line 2: is no JSON"),
    ("data/02-scope/scope.json", "{}\n", "has the format None"),
    ("data/02-scope/scope.json", '{\n  "format": 1\n}\n', "lacks a value"),
    ("data/02-scope/scope.json", '{\n  "format": 2\n}\n', "has the format 2"),
    ("data/02-scope/parameters.json", "{}\n", "names other rules"),
    ("data/04-collection/caller.json", "[]\n", "is no JSON object"),
    ("data/04-collection/caller.json", "{}", "is not written as a package writes it"),
    ("data/04-collection/transcript.jsonl", '{"seq":1}\n', "line 1: has not the columns of a call"),
    ("data/05-tests/rules/access-key-not-rotated.toml", "id = ", "access-key-not-rotated.toml, line 1"),
    ("data/06-lifecycle/findings.csv", "a,b\n", "line 1: has other columns"),
    ("data/06-lifecycle/inputs.csv", "", "line 1: has other columns"),
]


@pytest.mark.parametrize(("name", "text", "why"), BROKEN, ids=[f"{name}-{why}" for name, _, why in BROKEN])
def test_what_cannot_be_read_gives_a_message(package: Path, name: str, text: str, why: str) -> None:
    (package / name).write_bytes(text.encode("latin-1"))
    seal_again(package, sign=somebody())
    found = failures(package)
    assert any(why in message and Path(name).name in message for message in found), found


def test_owner_tags_that_are_none_give_a_message(package: Path) -> None:
    caller = package / "data/04-collection/caller.json"
    stated = {**json.loads(caller.read_text(encoding="utf-8")), "owner_tags": 1}
    caller.write_text(json.dumps(stated, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    seal_again(package, sign=somebody())
    assert any("owner_tags is no list" in message for message in failures(package))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda row: row | {"planned": 2}, "planned is no integer"),
        (lambda row: row | {"planned": "1"}, "planned is no integer"),
        (lambda row: row | {"created_at": 2**63}, "created_at is no integer"),
        (lambda row: row | {"created_at": True}, "created_at is no integer"),
        (lambda row: row | {"created_at": 1.5}, "created_at is no integer"),
        (lambda row: row | {"name": 5}, "name is no text"),
        (lambda row: row | {"name": "\ud800"}, "is not written as a package writes it"),
        (lambda row: row | {"extra": 1}, "has not the columns"),
        (lambda row: dict(reversed(row.items())), "has not the columns"),
        (lambda row: row | {"key": ""}, "is out of order"),
    ],
)
def test_a_value_of_the_wrong_kind_gives_file_and_line(
    package: Path, change: Callable[[dict[str, object]], object], why: str
) -> None:
    def second(text: str) -> str:
        lines = text.splitlines(keepends=True)
        row = change(json.loads(lines[1]))
        lines[1] = json.dumps(row, separators=(",", ":"), ensure_ascii="ud800" in repr(row)) + "\n"
        return "".join(lines)

    edit(package, CREDENTIALS, second)
    seal_again(package, sign=somebody())
    assert any(f"{CREDENTIALS}, line 2: " in message and why in message for message in failures(package, "tests"))


@pytest.mark.parametrize("view", sorted(VIEWS))
@pytest.mark.parametrize("value", [None, "odd"])
def test_rows_that_no_scan_gives_are_refused_without_a_crash(package: Path, view: str, value: str | None) -> None:
    """Every column of the first row but its key: nothing, or text that means nothing and numbers far too large."""
    path = package / "data" / "03-population" / "inventory" / f"{view}.jsonl"
    first, *rest = path.read_text(encoding="utf-8").splitlines(keepends=True) or ["{}"]
    row = json.loads(first)
    for column in VIEWS[view]:
        if column.name not in KEYS_OF[view]:
            row[column.name] = None if value is None else value if column.type == "text" else 2**62
    line = json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n"
    path.write_text("".join([line, *rest]), encoding="utf-8")
    seal_again(package, sign=somebody())
    assert failures(package)


def test_a_time_outside_the_calendar_is_refused(package: Path) -> None:
    year = "99999999999999999999999"
    edit(package, "data/02-scope/scope.json", lambda text: text.replace('"2026-07-01T12:00:00Z"', f'"{year}"', 1))
    seal_again(package, sign=somebody())
    assert failures(package, "tests")


def test_a_key_that_comes_twice_gives_the_file(package: Path) -> None:
    edit(package, CREDENTIALS, lambda text: text + text.splitlines(keepends=True)[0])
    seal_again(package, sign=somebody())
    assert any(message.startswith(f"{CREDENTIALS}, line ") for message in failures(package, "tests"))


def test_hostile_tags_and_documents_give_a_message(package: Path) -> None:
    edit(
        package,
        "data/03-population/inventory/identity.jsonl",
        lambda text: text.replace('"{\\"owner\\"', '"[\\"owner\\"', 1),
    )
    seal_again(package, sign=somebody())
    assert failures(package)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT key AS subject, 'pass' AS status FROM credential WHERE load_extension('x') IS NULL",
        "SELECT key AS subject, 'pass' AS status FROM nhiscan_finding",
        "DELETE FROM credential",
        "SELECT key AS subject, CASE WHEN random() > 0 THEN 'pass' ELSE 'fail' END AS status FROM credential",
    ],
)
def test_a_packaged_rule_may_do_no_more_than_any_rule(package: Path, sql: str) -> None:
    rule = "data/05-tests/rules/access-key-not-rotated.toml"
    edit(package, rule, lambda text: re.sub(r"(?s)sql = '''.*?'''", lambda _: f"sql = '''\n{sql}\n'''", text, count=1))
    seal_again(package, sign=somebody())
    assert any("access-key-not-rotated.toml, line " in message for message in failures(package, "tests"))


@pytest.mark.parametrize("text", [".".join(["a"] * 200_000) + " = 1\n", "[" + ".".join(["a"] * 200_000) + "]\n"])
def test_a_packaged_rule_with_an_endless_key_does_not_hold_the_verifier_up(package: Path, text: str) -> None:
    (rule, *_) = sorted((package / "data/05-tests/rules").iterdir())
    rule.write_text("id = 'x'\n" + text)
    seal_again(package, sign=somebody())
    assert any(f"{rule.name}, line 2: holds more than 1000 dots" in message for message in failures(package))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('{"', '{"key":"another","', 1),
        lambda text: text.replace('":', '": ', 1),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
    ],
)
def test_a_table_that_reads_otherwise_than_it_is_written(package: Path, change: Callable[[str], str]) -> None:
    edit(package, CREDENTIALS, change)
    seal_again(package, sign=somebody())
    assert any("credential.jsonl, line 1: is not written as a package writes it" in one for one in failures(package))


def swapped(text: str) -> str:
    """The text with the last two lines that differ exchanged."""
    lines = text.splitlines(keepends=True)
    place = next((n for n in range(len(lines) - 1, 0, -1) if lines[n] != lines[n - 1]), 0)
    lines[place - 1 : place + 1] = lines[place - 1 : place + 1][::-1]
    return "".join(lines)


TAMPERING: dict[str, Callable[[str], str]] = {
    "a line more": lambda text: text + "\n",
    "a blank more": lambda text: text[:-1] + " \n",
    "no last line feed": lambda text: text[:-1],
    "two lines exchanged": swapped,
    "the last line twice": lambda text: text + text.splitlines(keepends=True)[-1],
    "the last line gone": lambda text: "".join(text.splitlines(keepends=True)[:-1]),
    "another line end": lambda text: text.replace("\n", "\r\n"),
    "a byte changed": lambda text: re.sub("[0-9]", lambda found: str((int(found[0]) + 1) % 10), text, count=1),
}


SOURCES = (
    "03-population/inventory/",
    "03-population/documents",
    "04-collection/",
    "06-lifecycle/findings",
    "06-lifecycle/inputs",
)
RULES = "data/05-tests/rules/"


@pytest.mark.parametrize("how", TAMPERING)
def test_every_file_of_the_payload_stands_as_it_was_written(package: Path, how: str) -> None:
    """Whoever edits any file and signs everything anew is refused, with the name of a file.

    What the sources say is held by the signature; that they say it in the one form of a package is held by the form.
    Every other file follows from them, so two ways of editing it stand for all.
    """
    accepted, tried = [], 0
    for path in sorted(path for path in (package / "data").rglob("*") if path.is_file()):
        name = path.relative_to(package).as_posix()
        source = name.removeprefix("data/").startswith(SOURCES)
        if name.startswith(RULES) or (
            how == "a byte changed" if source else how not in ("a byte changed", "a line more")
        ):
            continue
        data = path.read_bytes()
        changed = TAMPERING[how](data.decode()).encode() if data else b"\n"
        if changed == data:
            continue
        tried += 1
        path.write_bytes(changed)
        seal_again(package, sign=somebody())
        if not any("data/" in message for message in failures(package)):
            accepted.append(name)
        path.write_bytes(data)
    assert (accepted, tried > 5) == ([], True)


@pytest.mark.parametrize("how", TAMPERING)
def test_a_packaged_rule_stands_as_it_was_run(package: Path, how: str) -> None:
    (rule, *_) = sorted((package / RULES).iterdir())
    edit(package, f"{RULES}{rule.name}", TAMPERING[how])
    seal_again(package, sign=somebody())
    assert failures(package)


def test_rows_in_a_scope_that_is_not_there(package: Path) -> None:
    edit(package, CREDENTIALS, lambda text: re.sub(r'"scope":"[^"]*"', '"scope":"aws/account/none"', text))
    seal_again(package, sign=somebody())
    assert any("credential.jsonl: " in one and "lives in no scope" in one for one in failures(package))


def test_a_gap_that_nothing_suffers_from(package: Path) -> None:
    edit(package, NEEDS, lambda text: text.replace('"complete":0', '"complete":1'))
    seal_again(package, sign=somebody())
    assert any("need.jsonl: says that " in one and "was read completely" in one for one in failures(package))


def test_a_gap_that_only_derived_facts_suffer_from(package: Path) -> None:
    """What is derived may be incomplete for reasons of its own; it does not stand for what a source lost."""
    edit(package, NEEDS, lambda text: re.sub(r'("need":"[a-z_]+[:.][^"]+","complete":)0', r"\g<1>1", text))
    assert '"complete":0' in (package / NEEDS).read_text(encoding="utf-8")
    seal_again(package, sign=somebody())
    assert any("need.jsonl: says that " in one and "was read completely" in one for one in failures(package))


def test_a_gap_that_another_source_made_up_for(made: "Made", tmp_path: Path) -> None:
    """Two sources list the users, and one of them failed: nothing is missing, and the gap is told all the same."""
    from .conftest import Estate

    made.scan(Estate(denied=(), second="failed"))
    made.write(tmp_path / "evidence")
    assert failures(tmp_path / "evidence") == []
    assert "acme.directory" in (tmp_path / "evidence" / "data" / "02-scope" / "limitations.csv").read_text()
    edit(tmp_path / "evidence", NEEDS, lambda text: text.replace("given by iam.account", "given by acme.account"))
    seal_again(tmp_path / "evidence", sign=somebody())
    assert any("acme.directory of it ended failed" in one for one in failures(tmp_path / "evidence"))


def test_a_folder_that_is_no_package(tmp_path: Path) -> None:
    (only,) = check(tmp_path).checks
    assert not only.ok
    assert "is no evidence package" in only.message
    assert check(tmp_path / "none").checks[0].message.endswith("does not exist")
    (tmp_path / "file").write_text("")
    assert check(tmp_path / "file").checks[0].message.endswith("is no folder")


# --- a package in a zip ---


def zipped(package: Path, top: str = "evidence/") -> Path:
    file = package.parent / "evidence.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(package.rglob("*")):
            archive.write(path, top + path.relative_to(package).as_posix())
    return file


@pytest.mark.parametrize("top", ["evidence/", "Evidence of 2026, last quarter/", ""])
def test_a_zip_of_a_package_is_accepted(package: Path, top: str) -> None:
    file = zipped(package, top)
    outcome = check(file, allowed_signers=package.parent / "allowed_signers")
    assert [found.message for found in outcome.checks if not found.ok] == []
    assert (outcome.principal, outcome.signer_checked) == (keys.PRINCIPAL, True)
    assert {found.name for found in outcome.checks} == {found.name for found in check(package).checks}


def test_an_edited_row_in_a_zip(package: Path) -> None:
    edit(package, KEYS, lambda text: text.replace("AKIA", "AKIB", 1))
    assert any(message.startswith(f"{KEYS}: was changed") for message in failures(zipped(package), "hashes"))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/etc/passwd", "lies outside the package"),
        ("../escaped.txt", "lies outside the package"),
        ("evidence/../../escaped.txt", "the name is none that a package uses"),
        ("evidence/data/../../escaped.txt", "the name is none that a package uses"),
        ("evidence/data\\escaped.txt", "the name is none that a package uses"),
        ("evidence/data//escaped.txt", "the name is none that a package uses"),
        ("evidence/data/\u202etxt", "<U+202E>txt: the name is none that a package uses"),
        ("evidence/data/00-readme.html", "differs from data/00-README.html by case alone"),
        ("evidence/data/00-README.html", "is there twice"),
        ("__MACOSX/evidence/x", "lies outside the package"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_in_a_zip_that_no_package_has(package: Path, name: str, why: str) -> None:
    file = zipped(package)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(name, "hello")
    before = sorted(package.parent.rglob("*"))
    (only,) = check(file).checks
    assert not only.ok
    assert only.message.endswith(why)
    assert sorted(package.parent.rglob("*")) == before


def test_a_link_in_a_zip(package: Path) -> None:
    file = zipped(package)
    link = zipfile.ZipInfo("evidence/data/link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(link, "/etc/hostname")
    assert failures(file) == [f"{file}: evidence/data/link: is a symbolic link"]


def test_a_zip_that_says_to_be_encrypted_or_is_cut_off(package: Path) -> None:
    file = zipped(package)
    data = bytearray(file.read_bytes())
    place = data.rindex(b"PK\x01\x02")  # the last entry of the list
    data[place + 8] |= 1
    file.write_bytes(data)
    assert all(message.endswith("is encrypted") for message in failures(file))
    data[place + 8] &= 0xFE
    place = data.index(b"PK\x03\x04")
    data[place : place + 4] = b"oops"
    file.write_bytes(data)
    (only,) = failures(file)
    assert "the zip cannot be read: " in only


def test_a_zip_too_large_to_be_a_package(package: Path) -> None:
    file = zipped(package)
    data = bytearray(file.read_bytes())
    for place in [found.start() for found in re.finditer(b"PK\x01\x02", data)][:20]:
        data[place + 24 : place + 28] = b"\xfe\xff\xff\xff"  # size once unpacked
    file.write_bytes(data)
    assert any("the zip holds more than" in message for message in failures(file))


def test_a_zip_of_something_else(tmp_path: Path) -> None:
    file = tmp_path / "holiday.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("beach.jpg", b"sand")
    (only,) = check(file).checks
    assert only.message.startswith(f"{file} is no evidence package")
