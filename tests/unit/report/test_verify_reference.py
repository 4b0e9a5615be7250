"""The data that an analyzer works with besides records: kept with the scan, packaged, and never asked for again."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from nhiscan.analysis import AnalyzerError, records_of
from nhiscan.analyzer import Analyzer, BadReference, Records, Reference
from nhiscan.model import Derived, Trust
from nhiscan.report import keys
from nhiscan.verify import verify

from .conftest import NOW, SEED, Estate, Made, rules_as_shipped
from .test_verify import edit, seal_again, somebody

TEXT = '{"s3:getobject": "read"}\n'
DIGEST = hashlib.sha256(TEXT.encode()).hexdigest()
FILE = "data/03-population/reference/aws.json"
CALLER = "data/04-collection/caller.json"
DOCUMENTS = "data/03-population/documents.jsonl"


def what_was_given(records: Records) -> Iterator[Derived]:
    """Rows that tell which text was used."""
    for scope in list(records.scopes()):
        for one in records.identities(scope.key):
            text = str(records.reference())
            yield Trust(f"{one.key}|1", scope.key, one.key, "service", text, None, 0, 0, 0, None, "1")


def never() -> Reference:
    raise AssertionError("what is installed must not be asked")


def analyzer(text: str = TEXT) -> Analyzer:
    reads, gives = frozenset({"identity:user"}), frozenset({"trust"})
    return Analyzer("aws", reads, gives, what_was_given, reference=lambda: Reference("actions 7", text))


OFFLINE: Mapping[str, Analyzer] = {"aws": replace(analyzer(), reference=never)}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of a scan whose analyzer has reference data. Copy it before you change it: `sealed`."""
    from nhiscan.inventory import open_inventory

    folder = tmp_path_factory.mktemp("reference")
    made = Made(open_inventory(str(folder / "nhiscan.db")), rules_as_shipped(), keys.signer_from_seed(SEED))
    made.scan(Estate(users=2, denied=(), names=()), {"aws": analyzer()})
    made.write(folder / "evidence")
    return folder / "evidence"


@pytest.fixture
def sealed(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written, tmp_path / "evidence")
    return tmp_path / "evidence"


def failures(package: Path, analyzers: Mapping[str, Analyzer] = OFFLINE) -> list[tuple[str, str]]:
    return [
        (check.name, check.message) for check in verify(package, now=NOW, analyzers=analyzers).checks if not check.ok
    ]


def test_a_package_holds_the_text_as_it_is_and_its_digest(written: Path) -> None:
    assert (written / FILE).read_text(encoding="utf-8") == TEXT
    stated = json.loads((written / CALLER).read_text(encoding="utf-8"))["references"]
    assert stated == {"aws": {"digest": DIGEST, "version": "actions 7"}}
    assert FILE.removeprefix("data/") in (written / "data/00-README.html").read_text(encoding="utf-8")
    assert DIGEST not in (written / DOCUMENTS).read_text(encoding="utf-8")


def test_verify_uses_the_text_of_the_package_and_never_asks_for_another(written: Path) -> None:
    assert failures(written) == []


def test_the_analyzer_is_given_exactly_that_text(sealed: Path) -> None:
    """Text and digest changed, everything signed anew: what the analyzer gives then is not what is packaged."""
    other = TEXT.replace("read", "list")
    edit(sealed, FILE, lambda _: other)
    edit(sealed, CALLER, lambda text: text.replace(DIGEST, hashlib.sha256(other.encode()).hexdigest()))
    seal_again(sealed, sign=somebody())
    found = failures(sealed)
    assert {name for name, _ in found} == {"derived facts"}
    assert any("trust of" in message and "does not follow from the population" in message for _, message in found)


def test_a_text_that_the_analyzer_cannot_use_gives_a_message(sealed: Path) -> None:
    """Whoever alters the text can state the digest of the altered one."""

    def refuses(records: Records) -> Iterator[Derived]:
        yield from what_was_given(records)
        raise BadReference("format 3 is not known")

    found = failures(sealed, {"aws": replace(OFFLINE["aws"], derive=refuses)})
    assert found == [("derived facts", "cannot be worked out from the packaged rows: format 3 is not known")]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (TEXT + "\n", f"{FILE}: is not the reference data that the scan recorded"),
        (TEXT.replace("read", "list"), f"{FILE}: is not the reference data that the scan recorded"),
        ("\x00\udcff", f"{FILE}: is missing, too large, or no UTF-8 text"),
        (None, f"{FILE}: is missing, too large, or no UTF-8 text"),
    ],
)
def test_another_text_than_the_scan_used_is_refused(sealed: Path, change: str | None, why: str) -> None:
    if change is None:
        (sealed / FILE).unlink()
    else:
        (sealed / FILE).write_bytes(change.encode(errors="surrogateescape"))
    seal_again(sealed, sign=somebody())
    assert ("tests", f"{why}; the tests cannot be performed again") in failures(sealed)


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        ("[]", f"{CALLER}: references is not as a package writes it"),
        ('{"aws": "x"}', f"{CALLER}: references is not as a package writes it"),
        ('{"aws": {}}', f"{FILE}: is not the reference data that the scan recorded"),
        ('{"../../x": {}, "aws": {}}', "data/03-population/reference/../../x.json: is missing"),
        ("{}", f"{FILE}: the scan recorded no such reference data"),
    ],
)
def test_a_statement_that_no_scan_gives_is_refused(sealed: Path, stated: str, why: str) -> None:
    state(sealed, stated)
    seal_again(sealed, sign=somebody())
    assert any(message.startswith(why) for _, message in failures(sealed))


def state(package: Path, stated: str) -> None:
    """Change what the package says about reference data."""

    def change(text: str) -> str:
        return json.dumps(json.loads(text) | {"references": json.loads(stated)}, sort_keys=True, indent=2) + "\n"

    edit(package, CALLER, change)


def test_a_package_without_the_text_that_its_analyzer_needs_is_refused(sealed: Path) -> None:
    (sealed / FILE).unlink()
    state(sealed, "{}")
    seal_again(sealed, sign=somebody())
    why = f"{CALLER}: names no reference data of aws, without which nothing follows"
    assert ("derived facts", why) in failures(sealed)


def test_a_second_text_beside_it_is_refused(sealed: Path) -> None:
    other = "data/03-population/reference/gcp.json"
    (sealed / other).write_text("{}")
    seal_again(sealed, sign=somebody())
    assert any(message.startswith(f"{other}: the scan recorded no such") for _, message in failures(sealed))


def test_the_text_of_each_scan_is_kept(made: Made, tmp_path: Path) -> None:
    small = Estate(users=1, accounts=("111122223333",), denied=(), names=())
    made.scan(small, {"aws": analyzer()})
    made.scan(replace(small, at=NOW + 86_400), {"aws": analyzer("[]")})
    for number, text in ((1, TEXT), (2, "[]")):
        out = tmp_path / str(number)
        made.write(out, number)
        assert (out / FILE).read_text(encoding="utf-8") == text
        assert failures(out) == []
        with made.inventory.bound(number, materialise=True) as bound:
            records = records_of(bound.sql, bound.info, "aws")
            assert (records.as_of, records.reference()) == (small.at + (number - 1) * 86_400, text)
            assert [scope.key for scope in records.scopes()] == ["aws/account/aws:111122223333"]
            packaged = bound.sql.rows("SELECT key, principal FROM trust ORDER BY key")
            assert [(row.key, row.principal) for row in rows_of(what_was_given(records))] == list(packaged)
            assert records_of(bound.sql, bound.info, "gcp").reference() is None
        assert [document.kind for document in made.inventory.documents(number)] == ["policy", "policy"]


def rows_of(rows: Iterator[Derived]) -> list[Trust]:
    return sorted(row for row in rows if isinstance(row, Trust))


def test_without_reference_data_there_is_no_such_file(made: Made, tmp_path: Path) -> None:
    plain = {"aws": replace(analyzer(), reference=None)}
    made.scan(Estate(users=1, denied=(), names=()), plain)
    made.write(tmp_path / "out")
    assert not (tmp_path / "out/data/03-population/reference").exists()
    assert failures(tmp_path / "out", plain) == []


@pytest.mark.parametrize("text", ["a\0b", "a\udc00b"])
def test_a_text_that_no_database_keeps_as_it_is_fails_the_run(made: Made, text: str) -> None:
    with pytest.raises(AnalyzerError, match="reference data of aws"):
        made.scan(Estate(users=1, denied=(), names=()), {"aws": analyzer(text)})
