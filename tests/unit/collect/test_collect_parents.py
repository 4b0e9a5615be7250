"""Sources that run on an organisation: what they read of the accounts below, and who stands in for them there."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from nhiscan import transcript
from nhiscan.collect import BadDeclaration
from nhiscan.collect.spool import Spool
from nhiscan.connector import Source
from nhiscan.model import Covered, DataTime, Identity, Scope, Setting, TieOut
from nhiscan.testing.clock import SimulatedClock

TOP, ONE, TWO = "acme/organization/top", "acme/account/one", "acme/account/two"
VIEWS = ("identity", "credential", "policy", "setting")


def connector(parts: Any, *sources: Source, **more: Any) -> Any:
    return parts.connector(sources or parts.ORG_SOURCES, session=more.pop("session", parts.OrgSession), **more)


def scan(bench: Any, parts: Any, *sources: Source, settings: Mapping[str, Any] | None = None, **more: Any) -> Any:
    session = {"session": more.pop("session")} if "session" in more else {}
    chosen = connector(parts, *sources, **session)
    return bench.scan((chosen, {**bench.acme.settings, **(settings or {})}), **more)


def states(outcome: Any) -> dict[str, str]:
    return {row.key.removeprefix("acme/"): row.state for row in outcome.coverage}


def rows(outcome: Any, source: str) -> dict[str, Any]:
    return {row.scope.rpartition("/")[2]: row for row in outcome.coverage if row.source == source}


def known(bench: Any, number: int | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """All rows, whichever source showed them."""
    found = {}
    for view in VIEWS:
        columns = {"identity": "tags", "credential": "state", "policy": "name", "setting": "number"}[view]
        found[view] = bench.rows(f"SELECT key, scope, {columns}, planned, confirmed FROM {view} ORDER BY key", number)
    return found


def needs(bench: Any, scope: str) -> dict[str, int]:
    return dict(bench.rows(f"SELECT need, complete FROM need WHERE scope = '{scope}' AND need LIKE '%:%'"))


def test_one_listing_of_the_organisation_gives_every_account(bench: Any, acme_parts: Any) -> None:
    outcome = scan(bench, acme_parts)
    assert states(outcome) == {
        "organization/top|acme.org-users": "complete",
        "organization/top|acme.guards": "complete",
        "account/one|acme.org-users": "complete",
        "account/two|acme.org-users": "complete",
        "account/one|acme.tokens": "complete",
        "account/two|acme.tokens": "complete",
    }
    assert not outcome.incomplete
    assert outcome.counts == {"identity": 9, "policy": 1, "credential": 7}
    assert outcome.info.scopes == (ONE, TWO, TOP)
    assert bench.rows("SELECT scope, COUNT(*) FROM identity WHERE confirmed = 1 GROUP BY scope ORDER BY scope") == [
        (ONE, 7),
        (TWO, 2),
    ]
    assert bench.rows("SELECT key, planned, parent FROM scope ORDER BY key") == [
        (ONE, 1, TOP),
        (TWO, 1, TOP),
        (TOP, 1, None),
    ]
    assert bench.acme.calls.of("acme:OrgUsers") == 3
    assert bench.acme.calls.of("acme:ListUsers") == 0
    assert needs(bench, TOP) == {"policy:service_control_policy": 1}
    assert needs(bench, ONE) == {"identity:user": 1, "identity:user.tags": 1, "credential:token": 1}


def test_both_ways_give_the_same_rows(bench: Any, acme_parts: Any) -> None:
    scan(bench, acme_parts)
    bench.acme.faults.deny("acme:OrgUsers")
    assert not scan(bench, acme_parts).incomplete
    assert known(bench, 1) == known(bench, 2)


def test_the_calls_are_kept_where_they_were_made(bench: Any, acme_parts: Any) -> None:
    outcome = scan(bench, acme_parts)
    stored = {(scope, source): calls for scope, source, calls in bench.inventory.transcript(1)}
    assert {place for place in stored if place[1] == "acme.org-users"} == {(TOP, "acme.org-users")}
    found = rows(outcome, "acme.org-users")
    digest = transcript.digest(stored[TOP, "acme.org-users"])
    assert {name: (row.records, row.calls, row.transcript_sha256) for name, row in found.items()} == {
        "top": (0, 3, digest),
        "one": (7, 0, digest),
        "two": (2, 0, digest),
    }
    assert len(stored[TOP, "acme.org-users"]) == 3
    assert sum(row.calls for row in outcome.coverage) == bench.acme.calls.of() - bench.acme.calls.of("acme:WhoAmI") - 3
    sessions = json.loads(outcome.info.facts["sessions"])
    assert {key for key in sessions if "organization" in key} == {f"{TOP}|acme.session"}


def test_an_account_in_which_nothing_has_to_run_is_not_entered(bench: Any, acme_parts: Any) -> None:
    scan(bench, acme_parts, acme_parts.ORG_USERS, acme_parts.USERS_ALONE)
    assert bench.acme.calls.by_action() == {"acme:WhoAmI": 1, "acme:Enter": 1, "acme:OrgUsers": 3}
    bench.acme.hidden.add("two")
    bench.acme.calls.clear()
    scan(bench, acme_parts, acme_parts.ORG_USERS, acme_parts.USERS_ALONE)
    assert bench.acme.calls.of("acme:Enter", "one") == 0
    assert bench.acme.calls.of("acme:Enter", "two") == 1


def test_a_denied_organisation_is_replaced_account_by_account(bench: Any, acme_parts: Any) -> None:
    scan(bench, acme_parts)
    bench.acme.faults.deny("acme:OrgUsers")
    outcome = scan(bench, acme_parts)
    assert not outcome.incomplete
    found = rows(outcome, "acme.org-users")
    assert {name: (row.state, row.replaced_by, row.permission) for name, row in found.items()} == dict.fromkeys(
        ("top", "one", "two"), ("replaced", "acme.users", "acme:OrgUsers")
    )
    assert {name: row.state for name, row in rows(outcome, "acme.users").items()} == {
        "one": "complete",
        "two": "complete",
    }
    assert {name: row.state for name, row in rows(outcome, "acme.tokens").items()} == {
        "one": "complete",
        "two": "complete",
    }
    assert needs(bench, TOP) == {"policy:service_control_policy": 1}


def test_where_one_account_is_not_replaced_the_organisation_stays_a_gap(bench: Any, acme_parts: Any) -> None:
    scan(bench, acme_parts)
    bench.acme.faults.deny("acme:OrgUsers")
    bench.acme.faults.deny("acme:ListUsers", account="two")
    outcome = scan(bench, acme_parts)
    assert {row.key.removeprefix("acme/"): row.state for row in outcome.gaps} == {
        "organization/top|acme.org-users": "denied",
        "account/two|acme.org-users": "denied",
        "account/two|acme.users": "denied",
        "account/two|acme.tokens": "failed",
    }
    assert rows(outcome, "acme.org-users")["one"].state == "replaced"
    assert needs(bench, TOP)["identity:user"] == needs(bench, TWO)["identity:user"] == 0
    assert needs(bench, ONE)["identity:user"] == 1
    assert bench.rows("SELECT scope, confirmed, COUNT(*) FROM identity GROUP BY scope, confirmed ORDER BY scope") == [
        (ONE, 1, 7),
        (TWO, 0, 2),
    ]


def test_an_organisation_that_breaks_in_the_middle_leaves_partial_accounts(bench: Any, acme_parts: Any) -> None:
    bench.acme.users["void"] = {}
    bench.acme.faults.fail("acme:OrgUsers", nth=2, status=400, code="Odd")
    outcome = scan(bench, acme_parts, acme_parts.ORG_USERS, acme_parts.GUARDS)
    found = {name: (row.state, row.records, row.code) for name, row in rows(outcome, "acme.org-users").items()}
    assert found == {
        "top": ("partial", 0, "Odd"),
        "one": ("partial", 2, "Odd"),
        "two": ("partial", 1, "Odd"),
        "void": ("failed", 0, "Odd"),
    }
    assert len(bench.rows("SELECT key FROM identity WHERE confirmed = 1")) == 3


def test_what_was_named_before_an_error_is_not_complete(bench: Any, acme_parts: Any) -> None:
    def hasty(door: Any, reader: Any) -> Iterator[Any]:
        for scope in door.below.values():
            yield Covered(scope.key)
        yield from acme_parts.org_users(door, reader)

    bench.acme.faults.fail("acme:OrgUsers", nth=2, status=400, code="Odd")
    outcome = scan(bench, acme_parts, replace(acme_parts.ORG_USERS, run=hasty))
    assert {row.state for row in outcome.coverage} == {"partial"}


def test_a_fallback_mends_what_was_read_in_part(bench: Any, acme_parts: Any) -> None:
    scan(bench, acme_parts)
    bench.acme.faults.fail("acme:OrgUsers", nth=2, status=400, code="Odd", times=None)
    outcome = scan(bench, acme_parts)
    assert not outcome.incomplete
    assert {row.state for row in rows(outcome, "acme.org-users").values()} == {"replaced"}
    assert known(bench, 1) == known(bench, 2)


def test_an_account_that_the_organisation_does_not_name_was_not_read(bench: Any, acme_parts: Any) -> None:
    scan(bench, acme_parts)
    bench.acme.hidden.add("two")
    bench.acme.faults.deny("acme:ListUsers")
    outcome = scan(bench, acme_parts)
    row = rows(outcome, "acme.org-users")["two"]
    assert (row.state, row.code, row.message) == (
        "failed",
        "NotCovered",
        "acme.org-users did not say that it read this scope",
    )
    assert rows(outcome, "acme.org-users")["top"].state == rows(outcome, "acme.org-users")["one"].state == "complete"
    assert outcome.incomplete
    assert len(bench.rows(f"SELECT key FROM identity WHERE scope = '{TWO}' AND confirmed = 0")) == 2


def test_a_fallback_runs_in_the_accounts_that_were_not_named_only(bench: Any, acme_parts: Any) -> None:
    scan(bench, acme_parts)
    bench.acme.hidden.add("two")
    outcome = scan(bench, acme_parts)
    assert not outcome.incomplete
    assert {name: row.state for name, row in rows(outcome, "acme.org-users").items()} == {
        "top": "complete",
        "one": "complete",
        "two": "replaced",
    }
    assert list(rows(outcome, "acme.users")) == ["two"]
    assert known(bench, 1) == known(bench, 2)


def test_rows_neither_end_nor_double_while_the_ways_alternate(bench: Any, acme_parts: Any) -> None:
    scan(bench, acme_parts)
    first = known(bench, 1)
    ranges = ("identity_range", "credential_range", "policy_range", "scope_range")

    def stored() -> list[tuple[Any, ...]]:
        with bench.inventory.database.connection() as sql:
            return [next(iter(sql.rows(f"SELECT COUNT(*), COUNT(to_scan) FROM {name}"))) for name in ranges]

    before = stored()
    for number, way in enumerate(("denied", "hidden", "primary", "broken", "primary"), start=2):
        bench.acme.faults.clear()
        bench.acme.hidden.clear()
        if way == "denied":
            bench.acme.faults.deny("acme:OrgUsers")
        elif way == "hidden":
            bench.acme.hidden.add("one")
        elif way == "broken":
            bench.acme.faults.fail("acme:OrgUsers", nth=3, status=400, times=None)
        assert not scan(bench, acme_parts).incomplete
        assert known(bench, number) == first
    assert stored() == before


def test_a_user_that_is_gone_ends_over_either_way(bench: Any, acme_parts: Any) -> None:
    scan(bench, acme_parts)
    del bench.acme.users["one"]["user6"]
    scan(bench, acme_parts)
    assert len(bench.rows("SELECT key FROM identity")) == 8
    bench.acme.faults.deny("acme:OrgUsers")
    del bench.acme.users["two"]["ci"]
    scan(bench, acme_parts)
    assert len(bench.rows("SELECT key FROM identity")) == 7
    assert len(bench.rows("SELECT key FROM credential")) == 6


def test_an_organisation_that_does_not_open_gives_its_failure_to_all_below(bench: Any, acme_parts: Any) -> None:
    bench.acme.faults.deny("acme:Enter", account="top")
    outcome = scan(bench, acme_parts)
    assert {name: row.state for name, row in rows(outcome, "acme.org-users").items()} == dict.fromkeys(
        ("top", "one", "two"), "replaced"
    )
    assert {(row.key, row.state, row.permission) for row in outcome.gaps} == {
        (f"{TOP}|acme.guards", "denied", "acme:Enter")
    }
    assert {row.transcript_sha256 for row in rows(outcome, "acme.org-users").values()} == {None}
    assert len(bench.rows("SELECT key FROM identity WHERE confirmed = 1")) == 9


def test_an_account_that_does_not_open_is_told_of_the_fallback_that_had_to_run(bench: Any, acme_parts: Any) -> None:
    bench.acme.faults.deny("acme:OrgUsers")
    bench.acme.faults.deny("acme:Enter", account="two")
    outcome = scan(bench, acme_parts)
    assert {row.key.removeprefix("acme/"): row.permission for row in outcome.gaps} == {
        "organization/top|acme.org-users": "acme:OrgUsers",
        "account/two|acme.org-users": "acme:OrgUsers",
        "account/two|acme.users": "acme:Enter",
        "account/two|acme.tokens": "acme:Enter",
    }


def test_without_the_organisation_the_fallback_is_the_plan(bench: Any, acme_parts: Any) -> None:
    outcome = scan(bench, acme_parts, session=acme_parts.AcmeSession)
    assert states(outcome) == {
        f"account/{account}|acme.{source}": "complete" for account in ("one", "two") for source in ("users", "tokens")
    }
    assert not outcome.incomplete
    assert len(bench.rows("SELECT key FROM credential")) == 7


def test_an_organisation_without_accounts_is_no_account(bench: Any, acme_parts: Any) -> None:
    bench.acme.users.clear()
    outcome = scan(bench, acme_parts)
    assert states(outcome) == {
        "organization/top|acme.org-users": "complete",
        "organization/top|acme.guards": "complete",
    }
    bench.acme.faults.deny("acme:OrgUsers")
    outcome = scan(bench, acme_parts)
    assert [(row.key, row.state) for row in outcome.gaps] == [(f"{TOP}|acme.org-users", "denied")]
    assert needs(bench, TOP)["identity:user"] == 0


def test_where_no_source_reads_what_was_named_nothing_is_planned(bench: Any, acme_parts: Any) -> None:
    bench.acme.users.clear()
    outcome = scan(bench, acme_parts, acme_parts.USERS, replace(acme_parts.GUARDS, on=frozenset({"tenant"})))
    assert outcome.nothing_read
    assert [(row.code, row.message) for row in outcome.gaps] == [
        ("BadScopes", "no source reads any of the scopes that the connector named")
    ]


def test_upper_scopes_with_which_no_source_has_to_do_are_rows_and_not_planned(bench: Any, acme_parts: Any) -> None:
    outcome = scan(bench, acme_parts, settings={"folders": {"one": "inner"}})
    assert not outcome.incomplete
    assert outcome.info.scopes == (ONE, TWO, TOP)
    assert bench.rows("SELECT key, planned FROM scope WHERE kind = 'folder'") == [("acme/folder/inner", 0)]
    assert rows(outcome, "acme.org-users")["one"].state == "complete"


def test_a_source_may_run_on_each_of_several_levels(bench: Any, acme_parts: Any) -> None:
    order: list[str] = []

    def inside(door: Any, reader: Any) -> Iterator[Any]:
        order.append(door.scope.native_id)
        yield Setting(f"{door.scope.key}|x.y", door.scope.key, "x.y", number=1, source="acme.inside")

    everywhere = Source(
        "acme.inside", inside, lists=frozenset({"setting:x"}), on=frozenset({"organization", "folder", "account"})
    )
    outcome = scan(bench, acme_parts, everywhere, settings={"folders": {"one": "inner"}}, executor_name="threads:1")
    assert order == ["top", "two", "inner", "one"]
    assert {row.state for row in outcome.coverage} == {"complete"}
    assert bench.rows("SELECT scope FROM setting ORDER BY scope") == [(ONE,), (TWO,), ("acme/folder/inner",), (TOP,)]


def bindings(door: Any, reader: Any) -> Iterator[Any]:
    """Settings of every scope, in one call; the folder inner is left out."""
    if door.call("OrgGuards"):
        for key in (TOP, "acme/folder/inner", "acme/folder/outer", ONE, TWO):
            yield Setting(f"{key}|x.y", key, "x.y", number=1, source="acme.bindings")
            if key != "acme/folder/inner":
                yield Covered(key)


def own_bindings(door: Any, reader: Any) -> Iterator[Any]:
    door.call("OwnBindings")
    yield Setting(f"{door.scope.key}|x.y", door.scope.key, "x.y", number=1, source="acme.own-bindings")


LEVELS = frozenset({"organization", "folder"})
BINDINGS = Source("acme.bindings", bindings, lists=frozenset({"setting:x"}), on=LEVELS, spans=True)
OWN_BINDINGS = Source(
    "acme.own-bindings",
    own_bindings,
    lists=frozenset({"setting:x"}),
    on=LEVELS | {"account"},
    fallback_for="acme.bindings",
)
FOLDERS = {"folders": {"one": "inner", "two": "outer"}}


def test_what_lives_on_upper_scopes_is_read_from_above_and_has_a_fallback_there(bench: Any, acme_parts: Any) -> None:
    outcome = scan(bench, acme_parts, BINDINGS, OWN_BINDINGS, settings=FOLDERS)
    assert not outcome.incomplete
    assert {name: row.state for name, row in rows(outcome, "acme.bindings").items()} == {
        "top": "complete",
        "inner": "replaced",
        "outer": "complete",
        "one": "complete",
        "two": "complete",
    }
    assert list(rows(outcome, "acme.own-bindings")) == ["inner"]
    bench.acme.faults.deny("acme:OrgGuards")
    outcome = scan(bench, acme_parts, BINDINGS, OWN_BINDINGS, settings=FOLDERS)
    assert not outcome.incomplete
    assert {row.replaced_by for row in rows(outcome, "acme.bindings").values()} == {"acme.own-bindings"}
    assert len(rows(outcome, "acme.own-bindings")) == 5
    assert known(bench, 1) == known(bench, 2)
    assert {complete for (complete,) in bench.rows("SELECT complete FROM need WHERE need = 'setting:x'")} == {1}
    bench.acme.faults.deny("acme:OwnBindings", account="top")
    outcome = scan(bench, acme_parts, BINDINGS, OWN_BINDINGS, settings=FOLDERS)
    assert [row.key for row in outcome.gaps] == [f"{TOP}|acme.bindings", f"{TOP}|acme.own-bindings"]
    assert bench.rows("SELECT scope FROM setting WHERE confirmed = 0") == [(TOP,)]


def test_without_the_organisation_each_folder_is_the_highest(bench: Any, acme_parts: Any) -> None:
    class NoTop(acme_parts.OrgSession):  # type: ignore[misc]
        def scopes(self) -> Any:
            return [one for one in super().scopes() if one.kind != "organization"]

    def of_folder(door: Any, reader: Any) -> Iterator[Any]:
        for record in bindings(door, reader):
            key = record.scope
            if key in (door.scope.key, {"inner": ONE, "outer": TWO}[door.scope.native_id]):
                yield record

    outcome = scan(bench, acme_parts, replace(BINDINGS, run=of_folder), settings=FOLDERS, session=NoTop)
    assert {name: row.state for name, row in rows(outcome, "acme.bindings").items()} == dict.fromkeys(
        ("inner", "outer", "one", "two"), "complete"
    )
    assert bench.acme.calls.of("acme:OrgGuards") == 2


def test_a_spanning_fallback_stands_in_for_a_spanning_source(bench: Any, acme_parts: Any) -> None:
    def found(door: Any, reader: Any) -> Iterator[Any]:
        door.call("OrgGuards")
        yield from acme_parts.org_users(door, reader)

    first = replace(acme_parts.ORG_USERS, id="acme.first", permissions=("acme:First",), run=_denied)
    second = replace(acme_parts.ORG_USERS, run=found, fallback_for="acme.first")
    bench.acme.hidden.add("two")
    outcome = scan(bench, acme_parts, first, second, acme_parts.USERS_ALONE, acme_parts.ORG_TOKENS)
    assert not outcome.incomplete
    assert {name: (row.state, row.replaced_by) for name, row in rows(outcome, "acme.first").items()} == dict.fromkeys(
        ("top", "one", "two"), ("replaced", "acme.org-users")
    )
    assert {name: row.state for name, row in rows(outcome, "acme.org-users").items()} == {
        "top": "complete",
        "one": "complete",
        "two": "replaced",
    }
    assert len(bench.rows("SELECT key FROM credential WHERE confirmed = 1")) == 7


def _denied(door: Any, reader: Any) -> Iterator[Any]:
    door.call("ListUsers", "0")
    yield from ()


def test_sources_of_the_organisation_read_each_other(bench: Any, acme_parts: Any) -> None:
    seen: list[str] = []

    def count(door: Any, reader: Any) -> Iterator[Any]:
        seen[:] = [record.key for record in reader("acme.org-users") if isinstance(record, Identity)]
        yield TieOut(f"{TOP}|users", TOP, "users", "acme.org-users", len(seen), "acme.count", 9)
        for scope in door.below.values():
            yield Setting(f"{scope.key}|x.y", scope.key, "x.y", number=len(seen), source="acme.count")
            yield Covered(scope.key)

    counting = Source(
        "acme.count",
        count,
        lists=frozenset({"setting:x"}),
        reads=("acme.org-users",),
        on=frozenset({"organization"}),
        spans=True,
    )
    outcome = scan(bench, acme_parts, counting, acme_parts.ORG_USERS)
    assert not outcome.incomplete
    assert len(seen) == len(set(seen)) == 9
    bench.acme.hidden.add("two")
    outcome = scan(bench, acme_parts, counting, acme_parts.ORG_USERS)
    found = {name: (row.state, row.message) for name, row in rows(outcome, "acme.count").items()}
    assert found["one"] == found["top"] == ("complete", None)
    assert found["two"] == ("partial", "rests on acme.org-users, which ended failed")
    assert outcome.tie_outs[0].count_a == 7


def test_a_leaf_reads_its_own_part_and_what_its_fallback_gave(bench: Any, acme_parts: Any) -> None:
    seen: dict[str, list[str]] = {}

    def look(door: Any, reader: Any) -> Iterator[Any]:
        seen[door.scope.native_id] = [record.native_id for record in reader("acme.org-users")]
        yield from ()

    looking = Source("acme.look", look, lists=frozenset({"setting:x"}), reads=("acme.org-users",))
    bench.acme.faults.fail("acme:OrgUsers", nth=2, status=400, times=None)
    scan(bench, acme_parts, acme_parts.ORG_USERS, acme_parts.USERS_ALONE, looking)
    assert seen == {
        "one": ["user0", "user1", *(f"user{number}" for number in range(7))],
        "two": ["ci", "ann", "ci"],
    }


def test_a_source_below_that_rests_on_the_organisation_says_so(bench: Any, acme_parts: Any) -> None:
    bench.acme.hidden.add("two")
    outcome = scan(bench, acme_parts, acme_parts.ORG_USERS, acme_parts.ORG_TOKENS)
    assert [(row.key, row.message) for row in outcome.gaps] == [
        (f"{TWO}|acme.org-users", "acme.org-users did not say that it read this scope"),
        (f"{TWO}|acme.tokens", "rests on acme.org-users, which ended failed"),
    ]


BAD = [
    (lambda: Identity(f"{TOP}/user/x", TOP, "user", "x", "x"), "where no fallback of it runs"),
    (lambda: Identity("k", "acme/account/three", "user", "x", "x"), "a record of acme/account/three"),
    (lambda: Covered("acme/account/three"), "not named below"),
    (lambda: Scope("acme/account/z", "acme", "account", "z", parent="acme/folder/z"), "not below"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_a_record_that_must_not_be_fails_the_source_everywhere(
    bench: Any, acme_parts: Any, make: Any, message: str
) -> None:
    def bad(door: Any, reader: Any) -> Iterator[Any]:
        yield from acme_parts.org_users(door, reader)
        yield make()

    outcome = scan(bench, acme_parts, replace(acme_parts.ORG_USERS, run=bad), acme_parts.USERS_ALONE)
    found = rows(outcome, "acme.org-users")
    assert {row.code for row in found.values()} == {"BadRecord"}
    assert message in str(found["top"].message)
    assert {name: row.records for name, row in found.items()} == {"top": 0, "one": 7, "two": 2}


def test_only_a_spanning_source_names_what_it_covered(bench: Any, acme_parts: Any) -> None:
    def names(door: Any, reader: Any) -> Iterator[Any]:
        yield Covered(TOP)

    outcome = scan(bench, acme_parts, acme_parts.USERS, replace(acme_parts.GUARDS, run=names))
    assert [row.message for row in outcome.gaps] == [
        f"acme.guards names {TOP} as covered, and does not declare to span"
    ]


def test_the_organisation_lists_its_accounts_and_those_that_are_gone_end(bench: Any, acme_parts: Any) -> None:
    def accounts(door: Any, reader: Any) -> Iterator[Any]:
        door.call("OrgGuards")
        yield Scope("acme/organizational_unit/u", "acme", "organizational_unit", "u", parent=door.scope.key)
        yield Scope(
            "acme/organizational_unit/v", "acme", "organizational_unit", "v", parent="acme/organizational_unit/u"
        )
        yield from door.below.values()

    listing = Source(
        "acme.accounts",
        accounts,
        lists=frozenset({"scope:account", "scope:organizational_unit"}),
        on=frozenset({"organization"}),
    )
    sources = (listing, *acme_parts.ORG_SOURCES)
    assert not scan(bench, acme_parts, *sources).incomplete
    assert len(bench.rows("SELECT key FROM scope")) == 5
    del bench.acme.users["two"]
    assert not scan(bench, acme_parts, *sources).incomplete
    assert bench.rows(f"SELECT key FROM scope WHERE key = '{TWO}'") == []
    assert bench.rows(f"SELECT key FROM identity WHERE scope = '{TWO}'") == []
    bench.acme.users["two"] = {"ci": []}
    bench.acme.faults.deny("acme:OrgGuards")
    scan(bench, acme_parts, *sources)
    del bench.acme.users["two"]
    scan(bench, acme_parts, *sources)
    assert bench.rows("SELECT key, planned FROM scope WHERE kind = 'account' ORDER BY key") == [(ONE, 1), (TWO, 0)]


def test_the_time_of_the_data_holds_for_all_that_was_read(bench: Any, acme_parts: Any) -> None:
    def dated(door: Any, reader: Any) -> Iterator[Any]:
        yield DataTime(1_700_000_000)
        yield from acme_parts.org_users(door, reader)

    scan(bench, acme_parts, replace(acme_parts.ORG_USERS, run=dated))
    assert bench.rows("SELECT DISTINCT data_time FROM coverage") == [(1_700_000_000,)]


@pytest.mark.parametrize("threads", [1, 3, 16])
def test_the_number_of_threads_changes_nothing(bench: Any, acme_parts: Any, threads: int) -> None:
    bench.acme.hidden.add("two")
    scan(bench, acme_parts)
    scan(bench, acme_parts, executor_name=f"threads:{threads}")
    for view in (*VIEWS, "coverage", "need"):
        assert bench.rows(f"SELECT * FROM {view}", 1) == bench.rows(f"SELECT * FROM {view}", 2)
    assert list(bench.inventory.transcript(1)) == list(bench.inventory.transcript(2))


def test_progress_counts_every_planned_scope_and_tells_of_what_ran(bench: Any, acme_parts: Any) -> None:
    seen: list[Any] = []
    outcome = scan(bench, acme_parts, progress=seen.append)
    events = [one.event for one in seen]
    assert events.count("started") == events.count("ended") == 4
    assert (seen[-1].scopes_done, seen[-1].scopes) == (3, 3)
    assert seen[-1].records == sum(row.records for row in outcome.coverage) == 17
    assert [one.scope for one in seen if one.event == "started"][:2] == ["top", "top"]
    assert [one.scopes_done for one in seen] == sorted(one.scopes_done for one in seen)


def test_the_organisation_has_the_threads_for_itself(bench: Any, acme_parts: Any) -> None:
    seen: dict[str, int] = {}

    class Counting(acme_parts.OrgSession):  # type: ignore[misc]
        def enter(self, scope: Scope) -> Any:
            seen[scope.native_id] = self.context.fanout
            return super().enter(scope)

    bench.acme.users |= {f"more{number}": {} for number in range(6)}
    scan(bench, acme_parts, session=Counting, executor_name="threads:16")
    assert seen.pop("top") == 8
    assert set(seen.values()) == {2}


def test_the_plan_and_the_locks_hold_the_organisation_and_what_it_reads(bench: Any, acme_parts: Any) -> None:
    held: list[Any] = []

    def during(progress: Any) -> None:
        if progress.event == "planned":
            with bench.inventory.database.connection() as sql:
                held.extend(sql.rows("SELECT scope FROM scope_lock ORDER BY scope"))

    scan(bench, acme_parts, progress=during)
    assert held == [(ONE,), (TWO,), (TOP,)]
    with bench.inventory.database.connection() as sql:
        plan = {scope: json.loads(sources) for scope, sources in sql.rows("SELECT scope, sources FROM run_scope")}
    assert plan == {
        TOP: ["acme.org-users", "acme.guards"],
        ONE: ["acme.org-users", "acme.tokens"],
        TWO: ["acme.org-users", "acme.tokens"],
    }


def test_where_neither_the_organisation_nor_an_account_gave_anything_nothing_was_read(
    bench: Any, acme_parts: Any
) -> None:
    bench.acme.faults.deny("acme:Org*")
    bench.acme.faults.deny("acme:List*")
    outcome = scan(bench, acme_parts)
    assert outcome.nothing_read
    assert len(outcome.coverage) == 8
    assert bench.run_states() == [("run-1", "failed", "nothing could be read")]


def test_an_interrupt_in_the_middle_of_the_organisation_changes_nothing(
    bench: Any, acme_parts: Any, tmp_path: Any
) -> None:
    scan(bench, acme_parts)
    before = known(bench)
    bench.acme.users["two"]["new"] = []

    def interrupted(door: Any, reader: Any) -> Iterator[Any]:
        for record in acme_parts.org_users(door, reader):
            yield record
            if isinstance(record, Identity) and record.name == "new":
                raise KeyboardInterrupt

    spools = tmp_path / "spools"
    spools.mkdir()
    with pytest.raises(KeyboardInterrupt):
        scan(bench, acme_parts, replace(acme_parts.ORG_USERS, run=interrupted), spool=Spool(spools))
    assert list(spools.iterdir()) == []
    assert known(bench) == before
    assert bench.run_states()[1][:2] == ("run-2", "killed")
    assert scan(bench, acme_parts).number == 2
    assert len(bench.rows("SELECT key FROM identity")) == 10


def test_sources_that_cannot_go_together_are_refused_before_anything_is_read(bench: Any, acme_parts: Any) -> None:
    with pytest.raises(BadDeclaration):
        scan(bench, acme_parts, replace(acme_parts.ORG_USERS, on=frozenset()))
    assert bench.acme.calls.of() == 0


def test_scopes_above_themselves_are_a_gap(bench: Any, acme_parts: Any) -> None:
    class Loop(acme_parts.OrgSession):  # type: ignore[misc]
        def scopes(self) -> Any:
            for one in super().scopes():
                yield one._replace(parent=ONE) if one.key == TOP else one

    outcome = scan(bench, acme_parts, session=Loop)
    assert outcome.nothing_read
    assert "is above itself" in str(outcome.gaps[0].message)


@pytest.mark.postgres
def test_postgresql_holds_the_same(bench: Any, postgres_bench: Any, acme_parts: Any) -> None:
    for one in (bench, postgres_bench):
        one.acme.clock = SimulatedClock(1_790_000_000)
        scan(one, acme_parts)
        one.acme.hidden.add("two")
        one.acme.faults.deny("acme:ListUsers")
        scan(one, acme_parts)
    for view in (*VIEWS, "scope"):
        select = f"SELECT * FROM {view} ORDER BY key"
        assert bench.rows(select) == postgres_bench.rows(select)
    select = "SELECT * FROM need ORDER BY scope, need"
    assert bench.rows(select) == postgres_bench.rows(select)
