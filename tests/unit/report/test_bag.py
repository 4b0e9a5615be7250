"""The bag: names, manifests, tag files, and what the bagit library says about it."""

import hashlib
from pathlib import Path

import bagit
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.report import bag


def make(root: Path) -> bytes:
    payload = bag.Payload(root)
    payload.put("data/b/two.txt", "two\n")
    payload.put("data/a.txt", "één\n")
    return bag.seal(payload, {"Source-Organization": "Acme\nInjected: yes", "Bagging-Date": "2026-01-01"}, "how\n")


@pytest.mark.filterwarnings("ignore:'count' is passed as positional argument:DeprecationWarning")  # bagit on 3.13
def test_a_bag_is_valid_for_the_bagit_library(tmp_path: Path) -> None:
    make(tmp_path / "bag")
    (tmp_path / "bag" / bag.SIGNATURE).write_text("a signature\n")
    assert bagit.Bag(str(tmp_path / "bag")).is_valid()
    assert (tmp_path / "bag" / "bagit.txt").read_bytes().startswith(b"BagIt-Version: 1.0\n")


def test_the_lists_say_what_the_files_hold(tmp_path: Path) -> None:
    root = tmp_path / "bag"
    tags = make(root)
    listed, wrong = bag.parse_manifest((root / bag.MANIFEST).read_text())
    assert (list(listed), wrong) == (["data/a.txt", "data/b/two.txt"], [])
    for name, digest in listed.items():
        assert bag.digest_of(root / name).sha256 == digest
    tag_list, wrong = bag.parse_manifest(tags.decode())
    assert (tuple(tag_list), wrong) == (bag.TAG_FILES, [])
    assert tag_list[bag.INFO] == hashlib.sha256((root / bag.INFO).read_bytes()).hexdigest()
    info = bag.parse_info((root / bag.INFO).read_text())
    assert info["Payload-Oxum"] == "10.2"
    assert info["Source-Organization"] == "Acme Injected: yes"
    assert "Injected" not in info


@pytest.mark.parametrize(
    "name",
    ["a.txt", "data/../x", "data/a b", "data//x", "/data/x", "data/x/", "data/é", "data/./x", "data/a\n", "data/a\\b"],
)
def test_names_outside_the_alphabet_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(bag.BadName):
        bag.Payload(tmp_path).open(name)


def test_names_that_differ_by_case_alone_are_refused(tmp_path: Path) -> None:
    payload = bag.Payload(tmp_path)
    payload.put("data/a.txt", "")
    with pytest.raises(bag.BadName):
        payload.open("data/A.txt")


@given(st.text(max_size=300))
def test_no_manifest_text_makes_the_reader_stumble(text: str) -> None:
    entries, wrong = bag.parse_manifest(text)
    assert entries or wrong or not text
    assert all(bag.NAME.fullmatch(name) for name in entries)


def test_bad_manifest_lines_are_named() -> None:
    good = "a" * 64 + "  data/x\n"
    assert bag.parse_manifest(good + good)[1] == [
        "line 2: the path is listed twice, or differs from another by case alone"
    ]
    assert bag.parse_manifest(good + "zz\n")[1] == ["line 2: not '<sha256>  <path>'"]
    assert bag.parse_manifest("a" * 64 + "  data/../../etc/passwd\n")[1][0].startswith("line 1: the path uses")
    assert bag.parse_manifest(good.rstrip())[1] == ["the last line is cut off"]
