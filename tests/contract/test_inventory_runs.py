"""Runs: what they lock, what is left when they die, and how the place they write to is kept."""

import os
import pickle
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from nhiscan.inventory import Inventory, InventoryError, Locked, Plan, SqlError, open_inventory
from nhiscan.model import Call, Coverage, Credential, Document, Need, Scope, TieOut

A, B = (Scope(f"aws/account/{name}", "aws", "account", name) for name in "ab")
KEY = f"{A.key}/access_key/1"


def plan(run: str, started_at: int = 1_000) -> Plan:
    return Plan(run, started_at, "0", ("aws",), "{}", "-", "{}", "this-host", os.getpid())


def credential(state: str) -> Credential:
    return Credential(KEY, A.key, "access_key", "1", "1", f"{A.key}/user/u", state)


def scan(inventory: Inventory, run: str, state: str) -> None:
    under_way = inventory.start(plan(run))
    under_way.plan_scopes([A], [])
    with under_way.finish(1_100) as finishing:
        finishing.put("credential", [credential(state)])
        finishing.needs([Need(A.key, "credential:access_key", 1, 1)])


def states(inventory: Inventory) -> list[str]:
    found = []
    for info in inventory.scans():
        with inventory.bound(info.number) as bound:
            found += [state for (state,) in bound.sql.rows("SELECT state FROM credential")]
    return found


def runs(inventory: Inventory) -> list[tuple[str, str]]:
    with inventory.database.transaction(write=False) as sql:
        return [(run, state) for run, state in sql.rows("SELECT run, state FROM run ORDER BY run")]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "inventory.db")
    return str(request.getfixturevalue("postgres_database"))


@contextmanager
def another_process(place: str, body: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs ``body`` with ``inventory``, ``plan``, A and B, says "ready" and waits to be killed."""
    program = """
        import sys
        from nhiscan.inventory import Plan, open_inventory
        from nhiscan.model import Credential, Need, Scope
        A, B = (Scope(f"aws/account/{name}", "aws", "account", name) for name in "ab")
        inventory = open_inventory(sys.argv[1])
        plan = Plan("other", 500, "0", ("aws",), "{}", "-", "{}", "other-host", 4242)
        def wait():
            print("ready", flush=True)
            sys.stdin.read()
    """
    text = dedent(program) + dedent(body)
    process = subprocess.Popen(
        [sys.executable, "-c", text, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


HOLDS_A = """
    run = inventory.start(plan)
    run.plan_scopes([A], [(A.key, "one")])
    wait()
"""
IN_THE_MIDDLE = """
    run = inventory.start(plan)
    run.plan_scopes([A], [])
    with run.finish(600) as finishing:
        key = f"{A.key}/access_key/1"
        finishing.put("credential", [Credential(key, A.key, "access_key", "1", "1", f"{A.key}/user/u", "inactive")])
        finishing.needs([Need(A.key, "credential:access_key", 1, 1)])
        finishing.merge()
        finishing.bind()
        wait()
"""


def test_a_scope_is_held_until_its_process_is_gone(place: str) -> None:
    inventory = open_inventory(place)
    with another_process(place, HOLDS_A) as other:
        mine = inventory.start(plan("mine"))
        with pytest.raises(Locked) as caught:
            mine.plan_scopes([B, A], [])
        locked = caught.value
        assert (locked.scope, locked.host, locked.pid, locked.started_at) == (A.key, "other-host", 4242, 500)
        assert vars(pickle.loads(pickle.dumps(locked))) == vars(locked)
        assert "other-host" in str(locked)
        mine.abandon("failed", "locked out", 1_001)
        other.send_signal(signal.SIGKILL)
        other.wait()
        scan(inventory, "next", "active")
    assert runs(inventory) == [("mine", "failed"), ("next", "finished"), ("other", "killed")]


def test_a_run_in_the_same_process_is_excluded_too(place: str) -> None:
    inventory = open_inventory(place)
    first, second = inventory.start(plan("first")), inventory.start(plan("second"))
    first.plan_scopes([A], [])
    with pytest.raises(Locked):
        second.plan_scopes([A], [])
    first.abandon("failed", "enough", 1_001)
    second.plan_scopes([A], [])
    with second.finish(1_100):
        pass
    assert runs(inventory) == [("first", "failed"), ("second", "finished")]


@pytest.mark.postgres
def test_runs_over_different_scopes_do_not_exclude_each_other(postgres_database: str) -> None:
    inventory = open_inventory(postgres_database)
    with another_process(postgres_database, HOLDS_A):
        mine = inventory.start(plan("mine"))
        mine.plan_scopes([B], [])
        with mine.finish(1_100):
            pass
        assert runs(inventory) == [("mine", "finished"), ("other", "running")]


def test_a_scan_killed_in_the_middle_of_its_end_leaves_the_last_state(place: str) -> None:
    inventory = open_inventory(place)
    scan(inventory, "1", "active")
    with another_process(place, IN_THE_MIDDLE) as other:
        assert states(inventory) == ["active"]  # readers are not kept waiting
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert states(inventory) == ["active"]
    scan(inventory, "2", "inactive")
    assert states(inventory) == ["active", "inactive"]
    assert runs(inventory) == [("1", "finished"), ("2", "finished"), ("other", "killed")]


def test_an_error_while_finishing_leaves_nothing(place: str) -> None:
    inventory = open_inventory(place)
    run = inventory.start(plan("1"))
    run.plan_scopes([A], [])
    with pytest.raises(SqlError, match="no_such_table"), run.finish(1_100) as finishing:  # noqa: PT012
        finishing.put("document", [Document("d", "policy", "{}")])
        finishing.sql.run("SELECT * FROM no_such_table")
    run.abandon("failed", "no such table", 1_101)
    assert inventory.scans() == []
    assert inventory.scan() is None
    with inventory.database.transaction(write=False) as sql:
        assert sql.one("SELECT count(*) FROM document") == (0,)
        assert sql.one("SELECT state, reason, ended_at FROM run") == ("failed", "no such table", 1_101)


def test_what_is_outside_the_plan_is_refused(place: str) -> None:
    inventory = open_inventory(place)
    run = inventory.start(plan("1"))
    run.plan_scopes([B], [])
    with pytest.raises(ValueError, match="live outside the plan, in aws/account/a"), run.finish(1_100) as finishing:
        finishing.put("credential", [credential("active")])
    run.abandon("failed", "outside", 1_101)


def test_a_scan_keeps_what_it_says_about_itself(place: str) -> None:
    inventory = open_inventory(place, keep_transcripts=2)
    call = Call("iam", "ListUsers", "{}", "https://iam.amazonaws.com", 1, 2, 1, 200, None, "r", 1, 5, 6, "d")
    for number in (1, 2, 3):
        run = inventory.start(plan(str(number), number * 1_000))
        run.plan_scopes([B, A], [(A.key, "users")])
        with run.finish(number * 1_000 + 100) as finishing:
            assert finishing.number == number
            digest = finishing.calls(A.key, "users", [call, call._replace(page=number, parameters='{"é":1}')])
            finishing.coverage([Coverage(f"{A.key}|users", A.key, "users", "complete", transcript_sha256=digest)])
            finishing.put("tie_out", [TieOut(f"{A.key}|users", A.key, "users", "x", 2, "y", number)])
            finishing.facts("caller", '"me"')
            finishing.bind()
            bound = [*finishing.sql.rows("SELECT key, transcript_sha256, planned FROM coverage")]
            assert bound == [(f"{A.key}|users", digest, 1)]
    info = inventory.scan()
    assert info is not None
    assert (info.number, info.started_at, info.ended_at, info.scopes) == (3, 3_000, 3_100, (A.key, B.key))
    assert (info.connectors, info.facts) == (("aws",), {"caller": '"me"'})
    assert inventory.scan(2) == inventory.scans()[1]
    assert [[*inventory.transcript(number)] for number in (1, 2)] == [
        [],
        [(A.key, "users", [call, call._replace(page=2, parameters='{"é":1}')])],
    ]
    with inventory.bound(1) as past:
        assert past.sql.one("SELECT count_b, planned FROM tie_out") == (1, 1)
        assert past.sql.one("SELECT count(*) FROM coverage WHERE transcript_sha256 IS NOT NULL") == (1,)
    with pytest.raises(InventoryError, match="has no scan 4"), inventory.bound(4):
        pass


def test_documents_are_those_in_use_at_the_scan(place: str) -> None:
    inventory = open_inventory(place)
    run = inventory.start(plan("1"))
    run.plan_scopes([A], [])
    with run.finish(1_100) as finishing:
        finishing.put("document", [Document("d2", "policy", "{}"), Document("d1", "policy", "[]")])
        finishing.put("document", [Document("d2", "policy", "{}"), Document("unused", "policy", "0")])
        finishing.put(
            "policy", [(f"{A.key}/customer_policy/1", A.key, "customer_policy", "1", "p", None, "d2", 1, 1, "s")]
        )
        finishing.put(
            "access_grant", [("g", A.key, "inline_policy", f"{A.key}/user/u", "i", None, None, None, "d1", "s")]
        )
    assert [*inventory.documents(1)] == [Document("d1", "policy", "[]"), Document("d2", "policy", "{}")]


def test_results_can_be_stored_with_a_past_scan(place: str) -> None:
    inventory = open_inventory(place)
    scan(inventory, "1", "active")
    row: dict[str, str | int | None] = {"rule": "r", "subject": KEY, "scope": A.key, "scan": 1}
    columns, values = "rule, subject, scope, status, from_scan", ":rule, :subject, :scope, 'fail', :scan"
    insert = f"INSERT INTO result_range ({columns}) VALUES ({values})"
    with inventory.bound(1, materialise=True, write=True) as bound:
        bound.sql.run(insert, row)
        assert bound.sql.one("SELECT count(*) FROM credential") == (1,)
    with pytest.raises(ZeroDivisionError), inventory.bound(1, write=True) as bound:  # noqa: PT012
        bound.sql.run(insert, row | {"scan": 2})
        raise ZeroDivisionError
    with inventory.bound(1) as bound:
        assert [*bound.sql.rows("SELECT subject, from_scan FROM result_range")] == [(KEY, 1)]


def test_texts_are_made_storable_on_the_way_in(place: str) -> None:
    inventory = open_inventory(place)
    run = inventory.start(plan("1"))
    run.plan_scopes([A], [])
    with run.finish(1_100) as finishing:
        finishing.put("credential", [credential("a\0b\ud800c😀")])
    assert states(inventory) == ["a\ufffdb\ufffdc😀"]


# --- the file ---


def test_a_new_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "inventory.db"
    before = os.umask(0)
    try:
        inventory = open_inventory(str(place))
        run = inventory.start(plan("1"))
        run.plan_scopes([A], [])
        with run.finish(1_100) as finishing:
            finishing.put("credential", [credential("active")])
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("inventory.db", "inventory.db-wal", "inventory.db-shm", "inventory.db.lock"), 0o600)
    with closing(sqlite3.connect(place)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_places_that_cannot_be_an_inventory(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("not a database " * 100)
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.commit()
    for place, reason in (
        (str(text), "is not an SQLite database"),
        (str(other), "holds tables of something else"),
        (str(tmp_path), "is not a file"),
        (str(text / "below.db"), "cannot make the inventory"),
        ("sqlite://", "a SQLite file or a postgresql:// URL"),
        ("mysql://root:secret@localhost/x", "a SQLite file or a postgresql:// URL"),
    ):
        with pytest.raises(InventoryError, match=reason) as caught:
            open_inventory(place)
        assert "secret" not in str(caught.value)
    with pytest.raises(InventoryError, match="nhiscan scan"):
        open_inventory(str(tmp_path / "missing.db"), create=False)
    assert not (tmp_path / "missing.db").exists()


@pytest.mark.postgres
def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    with pytest.raises(
        InventoryError, match=r"cannot use the inventory postgresql://me:\*\*\*@127.0.0.1:1/x"
    ) as caught:
        open_inventory("postgresql://me:secret@127.0.0.1:1/x")
    assert "secret" not in str(caught.value)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    inventory = open_inventory(str(tmp_path / "inventory.db"))
    with inventory.database.transaction(write=True) as sql:
        sql.run("PRAGMA max_page_count = 1")
        with pytest.raises(SqlError, match="make room on the disk"):
            sql.many("INSERT INTO document VALUES (?, 'policy', ?)", [(str(n), "x" * 4_000) for n in range(2_000)])
