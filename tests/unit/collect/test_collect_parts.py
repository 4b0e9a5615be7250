"""The parts of the runner by themselves: order of sources, coverage, needs, spool, transcript."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan import transcript
from nhiscan.collect.coverage import Ended, needs, one_line, resting, settle, state_of, wanted
from nhiscan.collect.order import BadDeclaration, in_order
from nhiscan.collect.spool import CHUNK, PREFIX, Spool
from nhiscan.connector import Failure, Reader, Source
from nhiscan.executor import ExecutorError, executor, threads
from nhiscan.model import Call, Document, Identity, Record


def nothing(client: Any, reader: Reader) -> Iterator[Record]:
    yield from ()


def source(name: str, *reads: str, instead_of: str | None = None, lists: str = "setting", adds: str = "") -> Source:
    return Source(
        name,
        nothing,
        lists=frozenset(lists.split()),
        adds=frozenset(adds.split()),
        reads=reads,
        fallback_for=instead_of,
    )


def ids(sources: tuple[Source, ...]) -> list[str]:
    return [one.id for one in sources]


def test_sources_keep_their_order_where_nothing_speaks_against_it() -> None:
    assert ids(in_order([source("c"), source("a"), source("b")])) == ["c", "a", "b"]


def test_a_source_comes_after_what_it_reads_and_after_the_fallbacks_of_that() -> None:
    order = ids(
        in_order(
            [
                source("keys", "users"),
                source("users"),
                source("users-2", instead_of="users"),
                source("users-3", instead_of="users-2"),
                source("keys-2", "users", instead_of="keys"),
            ]
        )
    )
    assert order == ["users", "users-2", "users-3", "keys", "keys-2"]


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([source("a"), source("a")], "declared twice"),
        ([source("a", "b")], "not planned"),
        ([source("a", "a")], "names itself"),
        ([source("a", "b"), source("b", "a")], "wait for each other"),
        ([source("a", instead_of="b")], "not planned"),
        ([source("a", lists="")], "lists nothing and adds nothing"),
        ([source("a", lists="moon:user")], "declares 'moon:user'"),
        ([source("a", lists="identity:user.tags")], "table:kind in lists"),
        ([source("a", adds="identity:user")], "table:kind.fact in adds"),
        ([source("a", adds="identity:user.shoe_size")], "no such fact"),
    ],
)
def test_declarations_that_contradict_themselves(sources: list[Source], message: str) -> None:
    with pytest.raises(BadDeclaration, match=message):
        in_order(sources)


DENIED = Failure("denied", "AccessDenied")


@pytest.mark.parametrize(
    ("failure", "records", "state"),
    [
        (None, 0, "complete"),
        (None, 5, "complete"),
        (DENIED, 0, "denied"),
        (DENIED, 1, "partial"),
        (Failure("failed"), 0, "failed"),
        (Failure("failed"), 1, "partial"),
        (Failure("odd"), 0, "failed"),
    ],
)
def test_states(failure: Failure | None, records: int, state: str) -> None:
    assert state_of(failure, records) == state


def ended(**states: str) -> dict[str, Ended]:
    return {name: Ended(name, state, None) for name, state in states.items()}


def test_a_source_is_replaced_only_by_fallbacks_that_give_all_it_declares() -> None:
    sources = (
        source("a", lists="identity:user credential:token", adds="identity:user.tags"),
        source("b", instead_of="a", lists="identity:user", adds="identity:user.tags"),
        source("c", instead_of="a", lists="credential:token"),
    )
    half = ended(a="denied", b="complete", c="failed")
    settle(sources, half)
    assert half["a"].state == "denied"
    whole = ended(a="partial", b="complete", c="complete")
    settle(sources, whole)
    assert (whole["a"].state, whole["a"].replaced_by) == ("replaced", "b, c")


def test_a_fallback_that_was_replaced_counts_for_the_one_above() -> None:
    sources = (
        source("a", lists="identity:user"),
        source("b", instead_of="a", lists="identity:user"),
        source("c", instead_of="b", lists="identity:user"),
    )
    found = ended(a="denied", b="denied", c="complete")
    settle(sources, found)
    assert {name: one.state for name, one in found.items()} == {"a": "replaced", "b": "replaced", "c": "complete"}


def test_a_fallback_runs_only_where_its_primary_ran_and_did_not_give_everything() -> None:
    fallback = source("b", instead_of="a")
    assert [wanted(fallback, ended(a=state)) for state in ("denied", "failed", "partial", "complete", "replaced")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert not wanted(source("c", instead_of="b"), ended(a="complete"))


def test_what_a_source_rests_on() -> None:
    sources = (source("a"), source("b", instead_of="a"), source("c", "b"), source("d", "a"))
    assert resting(sources[2], sources, ended(a="complete")) is None
    assert resting(sources[3], sources, ended(a="replaced", b="complete")) is None
    missing = resting(sources[3], sources, ended(a="partial", b="denied"))
    assert missing is not None
    assert missing.message == "rests on a, which ended partial"


def test_needs_are_complete_where_one_complete_source_declares_them() -> None:
    sources = (
        source("a", lists="identity:user credential:token", adds="credential:token.used_at"),
        source("b", instead_of="a", lists="identity:user"),
        source("c", instead_of="a", lists="credential:token"),
    )
    found = needs("s", sources, {"a": "denied", "b": "complete"})
    assert [(one.need, one.complete, one.lists, one.reason) for one in found] == [
        ("credential:token", 0, 1, "a denied"),
        ("credential:token.used_at", 0, 0, "a denied"),
        ("identity:user", 1, 1, None),
    ]


def test_a_gap_that_another_source_made_up_for_is_told_all_the_same() -> None:
    sources = (source("a", lists="identity:user"), source("b", lists="identity:user credential:token"))
    found = needs("s", sources, {"a": "denied", "b": "complete"})
    assert [(one.need, one.complete, one.reason) for one in found] == [
        ("credential:token", 1, None),
        ("identity:user", 1, "given by b; a denied"),
    ]
    (_, users) = needs("s", sources, {"a": "complete", "b": "failed"})
    assert (users.complete, users.reason) == (1, None)  # what b alone declares says that it failed


def test_messages_are_one_line_of_bounded_length() -> None:
    assert one_line("a\n  b\tc ") == "a b c"
    assert one_line(None) is None
    assert len(one_line("x" * 5_000) or "") == 1_000


def person(number: int) -> Identity:
    return Identity(f"k{number}", "s", "user", str(number), "n\u20ac\ud800\n")


def test_the_spool_gives_back_what_it_was_given(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        assert spool.folder.stat().st_mode & 0o777 == 0o700
        with spool.writer(0, 1) as writer:
            for number in range(CHUNK + 2):
                writer.write("identity", person(number))
            writer.write("document", Document("d", "policy", "{}"))
        found = list(spool.records(0, 1))
        assert found[0] == ("identity", person(0))
        assert isinstance(found[0][1], Identity)
        assert [(table, len(rows)) for table, rows in spool.chunks([(0, 1)])] == [
            ("identity", CHUNK),
            ("identity", 2),
            ("document", 1),
        ]
        assert list(spool.records(0, 2)) == []
        assert spool.calls("none") == []
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 300_000)), max_size=60))
def test_records_of_many_scopes_are_found_by_scope_in_the_order_delivered(found: list[tuple[int, int]]) -> None:
    with Spool() as spool:
        with spool.gatherer(3, 1) as writer:
            for number, (home, size) in enumerate(found):
                writer.write("identity", person(number)._replace(description="\u2028" * size), f"scope-{home}")
        assert len(list(spool.folder.glob("*.records"))) == 1
        for home in range(31):
            part = [record.native_id for _, record in spool.part(3, 1, f"scope-{home}") if isinstance(record, Identity)]
            assert part == [str(number) for number, (one, _) in enumerate(found) if one == home]
        assert {record for _, record in spool.records(3, 1)} == {
            record for home in range(31) for _, record in spool.part(3, 1, f"scope-{home}")
        }
        assert list(spool.part(3, 2, "scope-0")) == list(spool.part(2, 1, "scope-0")) == []


def test_what_a_killed_run_left_is_removed_and_a_living_one_left_alone(tmp_path: Path) -> None:
    dead, unknown = tmp_path / f"{PREFIX}dead", tmp_path / f"{PREFIX}unknown"
    dead.mkdir()
    (dead / "lock").touch()
    (dead / "0-0.records").write_text("[]")
    unknown.mkdir()
    with Spool(tmp_path) as living:
        assert not dead.exists()
        with Spool(tmp_path) as second:
            assert living.folder.exists()
            assert second.folder != living.folder
        assert unknown.exists()


def test_the_lock_of_a_spool_goes_with_its_process(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom nhiscan.collect.spool import Spool\n"
        "spool = Spool(Path(sys.argv[1])).__enter__()\nprint(spool.folder, flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    folder = Path(ended.stdout.strip())
    assert ended.returncode == -9
    assert folder.exists()
    with (folder / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with Spool(tmp_path):
        assert not folder.exists()


def call(operation: str, parameters: str = "{}", page: int = 1, request_id: str | None = None) -> Call:
    return Call("s", operation, parameters, "https://h", page, None, None, 200, None, request_id, 1, 1, 2, None)


calls = st.builds(
    call,
    st.sampled_from(["A", "B"]),
    st.sampled_from(["{}", "[]"]),
    st.integers(1, 3),
    st.none() | st.sampled_from(["x", "\u20ac"]),
)


@given(st.lists(calls), st.randoms())
def test_a_transcript_does_not_depend_on_the_order_of_arrival(found: list[Call], random: Any) -> None:
    mixed = list(found)
    random.shuffle(mixed)
    assert transcript.in_order(mixed) == transcript.in_order(found)
    assert transcript.digest(mixed) == transcript.digest(found)
    assert [transcript.from_line(transcript.line(one)) for one in found] == found


def test_every_field_of_a_call_counts_for_the_digest() -> None:
    one = call("A")
    for place, field in enumerate(Call._fields):
        values: list[Any] = list(one)
        values[place] = 7 if not isinstance(values[place], str) else values[place] + "x"
        other = Call(*values)
        assert transcript.digest([other]) != transcript.digest([one]), field


def test_executors_by_name() -> None:
    assert threads("threads:3") == 3
    with executor("threads:2") as pool:
        assert pool.submit(os.getpid).result() == os.getpid()
    for name in ("threads:0", "threads:65", "threads:x", "threads", "tcp://x:1", ""):
        with pytest.raises(ExecutorError):
            threads(name)
