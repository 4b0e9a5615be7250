"""A whole scan over real sockets: what is stored, what is a gap, what a run that was given up leaves behind."""

import json
import os
import signal
import threading
from typing import Any

import pytest

from nhiscan import transcript
from nhiscan.analyzer import Analyzer, Records
from nhiscan.collect import BadDeclaration
from nhiscan.collect.spool import PREFIX, Spool
from nhiscan.connector import MissingExtra, NoAccess, OptionError, Source
from nhiscan.executor import ExecutorError
from nhiscan.inventory import Locked
from nhiscan.model import DataTime, Identity, Scope, Trust


def states(outcome: Any) -> dict[str, str]:
    return {row.key: row.state for row in outcome.coverage}


def test_everything_is_read_and_stored(bench: Any) -> None:
    outcome = bench.scan()
    assert outcome.number == outcome.result == 1
    assert not outcome.nothing_read
    assert not outcome.incomplete
    assert states(outcome) == {
        f"acme/account/{account}|acme.{source}": "complete"
        for account in ("one", "two")
        for source in ("users", "tokens", "summary")
    }
    assert outcome.counts == {"credential": 7, "identity": 9, "setting": 2, "tie_out": 2}
    assert len(bench.rows("SELECT key FROM identity WHERE confirmed = 1 AND planned = 1")) == 9
    assert bench.rows("SELECT key, state FROM scope ORDER BY key") == [
        ("acme/account/one", "active"),
        ("acme/account/two", "active"),
    ]
    assert bench.run_states() == [("run-1", "finished", None)]


def test_coverage_tells_records_calls_times_and_the_digest_of_the_transcript(bench: Any) -> None:
    bench.scan()
    stored = {(scope, source): calls for scope, source, calls in bench.inventory.transcript(1)}
    rows = bench.rows("SELECT scope, source, records, calls, transcript_sha256, started_at FROM coverage")
    counted = {(scope, source): (records, calls) for scope, source, records, calls, *_ in rows}
    assert counted["acme/account/one", "acme.users"] == (7, 3)
    assert counted["acme/account/one", "acme.tokens"] == (6, 7)
    for scope, source, _, calls, digest, started_at in rows:
        assert len(stored[scope, source]) == calls
        assert digest == transcript.digest(stored[scope, source])
        assert stored[scope, source] == transcript.in_order(stored[scope, source])
        assert started_at == bench.acme.clock()
    assert [call.operation for call in stored["acme/session", "acme.session"]] == ["WhoAmI"]


def test_facts_of_the_scan(bench: Any) -> None:
    outcome = bench.scan(owner_tags=("boss",))
    facts = {name: json.loads(text) for name, text in outcome.info.facts.items()}
    assert facts["callers"] == {"acme": {"principal": "reader"}}
    assert facts["versions"]["acme"] == {"acme-sdk": "1"}
    assert facts["owner_tags"] == ["boss"]
    assert facts["inputs"] == []
    assert facts["sessions"]["acme/session|acme.session"]["calls"] == 1
    assert json.loads(outcome.info.settings)["acme"]["account"] == ["one", "two"]


def test_of_a_path_the_plan_keeps_the_name_only(bench: Any, acme_parts: Any) -> None:
    settings = {**bench.acme.settings, "key": "/home/somebody/acme.key"}
    outcome = bench.scan((acme_parts.connector(), settings))
    assert json.loads(outcome.info.settings)["acme"]["key"] == "acme.key"


@pytest.mark.parametrize("threads", [1, 3, 16])
def test_the_number_of_threads_changes_nothing(bench: Any, threads: int) -> None:
    bench.scan()
    bench.scan(executor_name=f"threads:{threads}")
    for view in ("identity", "credential", "setting", "coverage", "tie_out", "need"):
        assert bench.rows(f"SELECT * FROM {view}", 1) == bench.rows(f"SELECT * FROM {view}", 2)
    assert list(bench.inventory.transcript(1)) == list(bench.inventory.transcript(2))


def test_a_denied_source_is_replaced_by_a_complete_fallback(bench: Any) -> None:
    bench.scan()
    bench.acme.faults.deny("acme:ListUsers", account="one")
    outcome = bench.scan()
    row = next(row for row in outcome.coverage if row.key == "acme/account/one|acme.users")
    assert (row.state, row.code, row.operation, row.permission) == (
        "replaced",
        "Forbidden",
        "ListUsers",
        "acme:ListUsers",
    )
    assert row.replaced_by == "acme.users-found"
    assert states(outcome)["acme/account/one|acme.users-found"] == "complete"
    assert "acme/account/two|acme.users-found" not in states(outcome)
    assert not outcome.incomplete
    columns = "key, scope, kind, native_id, name, tags, confirmed"
    assert bench.rows(f"SELECT {columns} FROM identity", 1) == bench.rows(f"SELECT {columns} FROM identity", 2)
    assert bench.rows("SELECT complete FROM need WHERE need = 'identity:user'") == [(1,), (1,)]


def test_a_user_that_is_gone_ends_over_the_fallback_too(bench: Any) -> None:
    bench.scan()
    bench.acme.faults.deny("acme:ListUsers")
    del bench.acme.users["one"]["user6"]
    bench.scan()
    assert bench.rows("SELECT key FROM identity WHERE name = 'user6'") == []
    assert len(bench.rows("SELECT key FROM identity")) == 8


def test_where_the_fallback_is_denied_too_nothing_ends_and_all_that_rests_on_it_is_partial(bench: Any) -> None:
    bench.scan()
    bench.acme.faults.deny("acme:*Users", account="one")
    outcome = bench.scan()
    assert outcome.incomplete
    assert {key: state for key, state in states(outcome).items() if "/one|" in key} == {
        "acme/account/one|acme.users": "denied",
        "acme/account/one|acme.users-found": "denied",
        "acme/account/one|acme.tokens": "failed",  # it found nobody to ask about
        "acme/account/one|acme.summary": "partial",
    }
    assert "rests on acme.users, which ended denied" in [row.message for row in outcome.gaps]
    assert len(bench.rows("SELECT key FROM identity")) == 9
    assert len(bench.rows("SELECT key FROM credential")) == 7
    assert bench.rows("SELECT DISTINCT confirmed FROM identity WHERE scope = 'acme/account/one'") == [(0,)]
    needs = dict(bench.rows("SELECT need, complete FROM need WHERE scope = 'acme/account/one'"))
    assert needs["identity:user"] == needs["identity:user.tags"] == needs["credential:token"] == 0
    assert needs["owner"] == needs["classification"] == 0
    reason = bench.rows("SELECT reason FROM need WHERE scope = 'acme/account/one' AND need = 'identity:user'")
    assert reason == [("acme.users denied; acme.users-found denied",)]


def test_records_before_an_error_are_kept_and_the_source_is_partial(bench: Any) -> None:
    bench.acme.faults.fail("acme:ListUsers", nth=2, account="one", status=400, code="Odd")
    bench.acme.faults.deny("acme:FindUsers")
    outcome = bench.scan()
    row = next(row for row in outcome.coverage if row.key == "acme/account/one|acme.users")
    assert (row.state, row.records, row.calls, row.code) == ("partial", 3, 2, "Odd")
    assert len(bench.rows("SELECT key FROM identity WHERE scope = 'acme/account/one'")) == 3


def test_a_connection_that_is_cut_is_a_failure_in_the_connectors_words(bench: Any) -> None:
    bench.acme.faults.fail("acme:Summary", account="two", kind="cut")
    outcome = bench.scan()
    assert [(row.key, row.state) for row in outcome.gaps] == [("acme/account/two|acme.summary", "failed")]
    assert outcome.gaps[0].code in {"RemoteDisconnected", "ConnectionResetError", "URLError"}


def test_a_difference_without_an_explanation_is_told(bench: Any, acme_parts: Any) -> None:
    def off_by_one(door: Any, reader: Any) -> Any:
        for record in acme_parts.summary(door, reader):
            yield record._replace(count_b=record.count_b + 1) if hasattr(record, "count_b") else record

    wrong = Source(
        "acme.summary", off_by_one, lists=acme_parts.SUMMARY.lists, reads=("acme.users",), permissions=("acme:Summary",)
    )
    outcome = bench.scan((acme_parts.connector((acme_parts.USERS, wrong)), bench.acme.settings))
    assert [(one.scope, one.count_a, one.count_b) for one in outcome.tie_outs] == [
        ("acme/account/one", 7, 8),
        ("acme/account/two", 2, 3),
    ]
    assert outcome.incomplete
    assert not outcome.gaps


def test_a_scope_that_does_not_open_gives_its_failure_to_every_primary_source(bench: Any, acme_parts: Any) -> None:
    class Shut(acme_parts.AcmeSession):  # type: ignore[misc]
        def enter(self, scope: Scope) -> Any:
            door = super().enter(scope)
            if scope.native_id == "one":
                door.call("AssumeRole")
            return door

    bench.acme.faults.deny("acme:AssumeRole")
    outcome = bench.scan((acme_parts.connector(session=Shut), bench.acme.settings))
    assert {row.key: (row.state, row.permission, row.calls) for row in outcome.gaps} == {
        f"acme/account/one|acme.{source}": ("denied", "acme:AssumeRole", 0) for source in ("users", "tokens", "summary")
    }
    calls = {(scope, source): calls for scope, source, calls in bench.inventory.transcript(1)}
    assert [call.operation for call in calls["acme/account/one", "acme.session"]] == ["AssumeRole"]
    assert "acme/account/one|acme.session" in json.loads(outcome.info.facts["sessions"])


def test_without_access_nothing_is_scanned_and_the_last_state_stays(bench: Any) -> None:
    bench.scan()
    bench.acme.faults.deny("acme:WhoAmI")
    outcome = bench.scan()
    assert outcome.nothing_read
    assert outcome.number is outcome.info is outcome.result is None
    assert [(row.key, row.state, row.operation) for row in outcome.gaps] == [
        ("acme/session|acme.session", "failed", "caller")
    ]
    assert outcome.gaps[0].message == "Acme does not know the caller. Give a key that is valid"
    assert bench.run_states()[1] == ("run-2", "failed", "nothing could be read")
    assert [info.number for info in bench.inventory.scans()] == [1]
    bench.acme.faults.clear()
    assert bench.scan().number == 2


def test_where_every_source_is_denied_nothing_was_read(bench: Any, acme_parts: Any) -> None:
    bench.acme.faults.deny("acme:List*")
    bench.acme.faults.deny("acme:FindUsers")
    bench.acme.faults.deny("acme:Summary")
    parts = acme_parts
    outcome = bench.scan((parts.connector((parts.USERS, parts.FOUND, parts.TOKENS)), bench.acme.settings))
    assert outcome.nothing_read
    assert {row.source: row.state for row in outcome.coverage} == {
        "acme.users": "denied",
        "acme.users-found": "denied",
        "acme.tokens": "failed",
    }


def test_one_connector_without_access_beside_another_is_a_gap(bench: Any, acme_parts: Any) -> None:
    from dataclasses import replace

    class Lost(acme_parts.AcmeSession):  # type: ignore[misc]
        def scopes(self) -> Any:
            raise NoAccess("no account can be named", "Name one")

    other = replace(acme_parts.connector(session=Lost), name="apex")
    outcome = bench.scan((acme_parts.connector(), bench.acme.settings), (other, bench.acme.settings))
    assert outcome.number == 1
    assert [(row.scope, row.source, row.operation) for row in outcome.gaps] == [
        ("apex/session", "apex.session", "scopes")
    ]
    assert bench.rows("SELECT state, planned FROM coverage WHERE scope = 'apex/session'") == [("failed", 1)]
    assert bench.rows("SELECT key FROM scope WHERE provider = 'apex'") == []


@pytest.mark.parametrize(
    ("scopes", "message"),
    [
        ([], "named nothing"),
        ([Scope("acme/account/x", "acme", "account", "x")] * 2, "named twice"),
        ([Scope("other/account/x", "other", "account", "x")], "no key of a scope of acme"),
        ([Scope("acme/moon/x", "acme", "moon", "x")], "no kind"),
        ([Scope("acme/account/x", "acme", "account", "x", state="odd")], "no state"),
    ],
)
def test_scopes_that_cannot_be_are_a_gap(bench: Any, acme_parts: Any, scopes: list[Scope], message: str) -> None:
    class Odd(acme_parts.AcmeSession):  # type: ignore[misc]
        def scopes(self) -> Any:
            return scopes

    outcome = bench.scan((acme_parts.connector(session=Odd), bench.acme.settings))
    assert outcome.nothing_read
    assert message in str(outcome.gaps[0].message)


def test_a_scope_with_scopes_below_it_is_no_leaf(bench: Any, acme_parts: Any) -> None:
    class Folders(acme_parts.AcmeSession):  # type: ignore[misc]
        def scopes(self) -> Any:
            yield Scope("acme/folder/top", "acme", "folder", "top")
            for scope in super().scopes():
                yield scope._replace(parent="acme/folder/top")

    outcome = bench.scan((acme_parts.connector(session=Folders), bench.acme.settings))
    assert outcome.info.scopes == ("acme/account/one", "acme/account/two")
    assert ("acme/folder/top", 0) in bench.rows("SELECT key, planned FROM scope")


BAD = [
    (lambda key: "text", "no record"),
    (lambda key: Identity("k", "acme/account/other", "user", "x", "x"), "a record of acme/account/other"),
    (lambda key: Identity("k", key, "user", "x", "x", created_at=True), "created_at is bool"),
    (lambda key: Identity("k", key, "user", "x", None), "name is NoneType, not str"),  # type: ignore[arg-type]
    (lambda key: Identity("k", key, "role", "x", "x"), "identity:role, which it does not declare"),
    (lambda key: Identity("k", key, "user", "x", "x", state="odd"), "'odd' is no state"),
    (lambda key: Trust("k", key, "i", "anybody", "*", None, 1, 0, 0, None, "1"), "no record"),
    (lambda key: Scope("acme/account/z", "acme", "account", "z"), "not below"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_a_record_that_must_not_be_fails_its_source(bench: Any, acme_parts: Any, make: Any, message: str) -> None:
    def bad(door: Any, reader: Any) -> Any:
        yield acme_parts.user(door.scope, "good", "acme.bad")
        yield make(door.scope.key)
        yield acme_parts.user(door.scope, "never", "acme.bad")

    source = Source("acme.bad", bad, lists=frozenset({"identity:user"}))
    outcome = bench.scan((acme_parts.connector((acme_parts.FOUND_ALONE, source)), bench.acme.settings))
    row = next(row for row in outcome.gaps if row.source == "acme.bad")
    assert (row.state, row.code, row.records) == ("failed", "BadRecord", 1)
    assert message in str(row.message)
    assert bench.rows("SELECT COUNT(*) FROM identity WHERE name = 'good'") == [(2,)]
    assert bench.rows("SELECT COUNT(*) FROM identity WHERE name = 'never'") == [(0,)]


def test_a_source_reads_only_what_it_declares_to_read(bench: Any, acme_parts: Any) -> None:
    def nosy(door: Any, reader: Any) -> Any:
        yield from reader("acme.users")

    source = Source("acme.nosy", nosy, lists=frozenset({"identity:user"}))
    outcome = bench.scan((acme_parts.connector((acme_parts.USERS, source)), bench.acme.settings))
    assert {row.code for row in outcome.gaps} == {"BadRecord"}


def test_the_time_of_the_data_goes_into_coverage(bench: Any, acme_parts: Any) -> None:
    def dated(door: Any, reader: Any) -> Any:
        yield DataTime(1_700_000_000)
        yield acme_parts.user(door.scope, "good", "acme.dated")

    source = Source("acme.dated", dated, lists=frozenset({"identity:user"}))
    bench.scan((acme_parts.connector((source,)), bench.acme.settings))
    assert bench.rows("SELECT DISTINCT data_time, records FROM coverage") == [(1_700_000_000, 1)]


def test_clients_and_session_are_closed_whatever_happens(bench: Any, acme_parts: Any) -> None:
    closed: list[str] = []
    bench.acme.faults.deny("acme:*Users")
    bench.scan((acme_parts.connector(closed=closed), bench.acme.settings))
    assert sorted(closed) == ["one", "session", "two"]


def test_errors_of_use_come_out_and_the_run_is_marked(bench: Any, acme_parts: Any) -> None:
    def run_with(error: Exception) -> Any:
        class Broken(acme_parts.AcmeSession):  # type: ignore[misc]
            def __init__(self, *arguments: Any) -> None:
                raise error

        return acme_parts.connector(session=Broken), bench.acme.settings

    for error in (OptionError("account", "odd"), MissingExtra("acme", "acme_sdk", "acme")):
        with pytest.raises(type(error)):
            bench.scan(run_with(error))
    with pytest.raises(BadDeclaration):
        bench.scan((acme_parts.connector((acme_parts.USERS, acme_parts.USERS)), bench.acme.settings))
    assert [state for _, state, _ in bench.run_states()] == ["failed"] * 3
    with pytest.raises(ExecutorError):
        bench.scan(executor_name="tcp://scheduler:8786")
    assert len(bench.run_states()) == 3


def test_an_error_in_finish_gives_the_whole_scan_up(bench: Any) -> None:
    def broken(scan: Any) -> None:
        raise LookupError("no such rule")

    bench.scan()
    bench.acme.users["one"]["late"] = []
    with pytest.raises(LookupError):
        bench.scan(finish=broken)
    assert bench.run_states()[1] == ("run-2", "failed", "LookupError: no such rule")
    assert bench.rows("SELECT key FROM identity WHERE name = 'late'") == []
    assert bench.scan().number == 2
    assert len(bench.rows("SELECT key FROM identity WHERE name = 'late'")) == 1


def test_a_second_run_is_locked_out_and_gives_nothing_up(bench: Any) -> None:
    raised: list[BaseException] = []

    def intruder(scan: Any) -> None:
        """Runs while the first run holds its scopes."""
        del scan

    def during(progress: Any) -> None:
        if progress.event == "planned" and not raised:
            raised.append(RuntimeError("placeholder"))
            with pytest.raises(Locked) as locked:
                bench.scan(finish=intruder)
            raised[0] = locked.value

    outcome = bench.scan(progress=during)
    assert outcome.number == 1
    assert isinstance(raised[0], Locked)
    assert [state for _, state, _ in bench.run_states()] == ["finished", "failed"]


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_signal_ends_the_run_and_frees_the_scopes(bench: Any, number: int, kind: type[BaseException]) -> None:
    def during(progress: Any) -> None:
        if progress.event == "calls":
            os.kill(os.getpid(), number)

    with pytest.raises(kind):
        bench.scan(progress=during)
    assert bench.run_states()[0][:2] == ("run-1", "killed")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert bench.scan().number == 1


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_signal_that_comes_inside_a_lock_is_a_signal_all_the_same(
    bench: Any, number: int, kind: type[BaseException]
) -> None:
    """It may come while the standard library waits and has given the lock back; leaving the lock then fails."""

    def during(progress: Any) -> None:
        if progress.event == "planned":
            with lock:
                lock.release()
                os.kill(os.getpid(), number)
                lock.acquire()

    lock = threading.Lock()
    with pytest.raises(kind) as caught:
        bench.scan(progress=during)
    assert str(caught.value.__cause__) == "release unlocked lock"
    assert bench.run_states()[0][:2] == ("run-1", "killed")
    assert bench.scan().number == 1


def test_sources_stop_soon_after_the_run_was_given_up(bench: Any, acme_parts: Any) -> None:
    entered, ended = threading.Event(), threading.Event()

    def endless(door: Any, reader: Any) -> Any:
        entered.set()
        try:
            while True:
                door.call("Summary")
                door.context.sleep(0)
        finally:
            ended.set()
        yield

    def during(progress: Any) -> None:
        if entered.is_set():
            raise KeyboardInterrupt

    source = Source("acme.endless", endless, lists=frozenset({"identity:user"}))
    with pytest.raises(KeyboardInterrupt):
        bench.scan((acme_parts.connector((source,)), bench.acme.settings), progress=during)
    assert ended.wait(30)


def test_progress_comes_in_the_calling_thread_and_adds_up(bench: Any) -> None:
    seen: list[Any] = []
    threads: set[int] = set()

    def progress(one: Any) -> None:
        seen.append(one)
        threads.add(threading.get_ident())

    outcome = bench.scan(progress=progress)
    assert threads == {threading.get_ident()}
    events = [one.event for one in seen]
    assert events.count("started") == events.count("ended") == len(outcome.coverage)
    assert events[-2:] == ["storing", "evaluating"]
    assert seen[-1].calls == bench.acme.calls.of() == events.count("calls")
    assert seen[-1].records == sum(row.records for row in outcome.coverage)
    assert (seen[-1].scopes_done, seen[-1].scopes) == (2, 2)


def test_few_scopes_may_have_several_calls_in_flight(bench: Any, acme_parts: Any) -> None:
    seen: list[int] = []

    class Counting(acme_parts.AcmeSession):  # type: ignore[misc]
        def enter(self, scope: Scope) -> Any:
            seen.append(self.context.fanout)
            return super().enter(scope)

    acme = acme_parts.connector(session=Counting)
    for name in ("threads:16", "threads:10", "threads:1"):
        bench.scan((acme, bench.acme.settings), executor_name=name)
    assert seen == [8, 8, 5, 5, 1, 1]


def test_secrets_that_the_cloud_sends_are_nowhere(bench: Any, tmp_path: Any) -> None:
    found: list[Any] = []

    def look(scan: Any) -> None:
        del scan
        found.append(bench.acme.canaries.in_files(spool_parent.glob(PREFIX + "*")))

    spool_parent = tmp_path / "spool"
    spool_parent.mkdir()
    bench.scan(spool=Spool(spool_parent), finish=look)
    secrets = [name for name in bench.acme.canaries._planted if name.startswith("secret")]
    assert len(secrets) == 9
    assert found == [{}]
    hits = {name for names in bench.acme.canaries.in_files([bench.folder]).values() for name in names}
    assert not hits.intersection(secrets)


def test_analyzers_run_in_the_same_transaction(bench: Any) -> None:
    def derive(records: Records) -> Any:
        for scope in records.scopes():
            for identity in records.identities(scope.key):
                yield Trust(f"{identity.key}|1", scope.key, identity.key, "anybody", "*", None, 1, 0, 0, None, "1")

    analyzer = Analyzer("acme", frozenset({"identity:user"}), frozenset({"trust"}), derive)
    outcome = bench.scan(
        analyzers={"acme": analyzer}, finish=lambda scan: scan.sql.one("SELECT COUNT(*) FROM trust WHERE confirmed = 1")
    )
    assert outcome.result == (9,)
    needs = dict(bench.rows("SELECT need, complete FROM need WHERE scope = 'acme/account/two'"))
    assert (needs["trust"], needs["effective_access"]) == (1, 0)
    bench.acme.faults.deny("acme:*Users", account="one")
    bench.scan(analyzers={"acme": analyzer})
    assert bench.rows("SELECT confirmed, COUNT(*) FROM trust GROUP BY confirmed ORDER BY 1") == [(0, 7), (1, 2)]


@pytest.mark.postgres
def test_a_scan_into_postgresql_stores_the_same(bench: Any, postgres_bench: Any) -> None:
    def derive(records: Records) -> Any:
        for scope in records.scopes():
            for identity in records.identities(scope.key):
                yield Trust(f"{identity.key}|1", scope.key, identity.key, "anybody", "*", None, 1, 0, 0, None, "1")

    analyzer = Analyzer("acme", frozenset({"identity:user"}), frozenset({"trust"}), derive)
    for one in (bench, postgres_bench):
        one.scan(analyzers={"acme": analyzer})
        one.acme.faults.deny("acme:*Users", account="one")
        one.scan(analyzers={"acme": analyzer})
    for view in ("identity", "credential", "trust", "owner", "need", "tie_out", "scope"):
        select = f"SELECT * FROM {view} ORDER BY {'scope, need' if view == 'need' else 'key'}"
        assert bench.rows(select) == postgres_bench.rows(select)
    assert list(bench.inventory.transcript(2)) == list(postgres_bench.inventory.transcript(2))
