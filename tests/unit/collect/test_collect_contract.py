"""The connector contract over Acme; and that a connector which breaks a promise does not pass it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nhiscan.connector import Source
from nhiscan.model import Covered, Identity
from nhiscan.testing.contract import Bench, ConnectorContract, Contract


class TestAcme(ConnectorContract):
    @pytest.fixture
    def contract(self, acme_parts: Any) -> Contract:
        return Contract(acme_parts.connector(), lambda: acme_parts.Acme(acme_parts.small_world()), budget=20)


Suite = ConnectorContract()


def starter(contract: Contract, folder: Path) -> Callable[[], AbstractContextManager[Bench]]:
    """What the fixture ``benches`` of the suite gives."""
    plain: Any = ConnectorContract.benches
    start: Callable[[], AbstractContextManager[Bench]] = plain._get_wrapped_function()(Suite, contract, folder)
    return start


def broken(acme_parts: Any, folder: Path, *sources: Source, **more: Any) -> Callable[[], AbstractContextManager[Bench]]:
    contract = Contract(acme_parts.connector(sources), lambda: acme_parts.Acme(acme_parts.small_world()), **more)
    return starter(contract, folder)


def test_a_swallowed_denial_is_caught(acme_parts: Any, tmp_path: Path) -> None:
    def swallow(door: Any, reader: Any) -> Iterator[Any]:
        try:
            yield from acme_parts.users(door, reader)
        except acme_parts.Refused:
            return

    start = broken(acme_parts, tmp_path, replace(acme_parts.USERS, run=swallow), acme_parts.SUMMARY)
    with pytest.raises(AssertionError, match=r"acme\.users"):
        Suite.test_a_denied_source_is_a_gap_and_ends_nothing(start)
    with start() as bench, pytest.raises(AssertionError, match="broke"):
        Suite.test_whatever_call_breaks_is_told_and_ends_nothing(bench)


def test_a_secret_that_leaks_is_caught(acme_parts: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def leak(door: Any, reader: Any) -> Iterator[Any]:
        for record in acme_parts.users(door, reader):
            secret = door.call("ListTokens", record.native_id)["secret"]
            yield record._replace(description=secret)

    start = broken(acme_parts, tmp_path, replace(acme_parts.USERS, run=leak))
    with start() as bench, pytest.raises(AssertionError):
        Suite.test_secrets_are_nowhere(bench, caplog)


def test_calls_that_nobody_noted_are_caught(acme_parts: Any, tmp_path: Path) -> None:
    def quiet(door: Any, reader: Any) -> Iterator[Any]:
        deaf = replace(door, context=replace(door.context, note=lambda call: None))
        yield from acme_parts.users(deaf, reader)

    start = broken(acme_parts, tmp_path, replace(acme_parts.USERS, run=quiet))
    with start() as bench, pytest.raises(AssertionError, match="are noted"):
        Suite.test_calls_are_few_and_all_in_the_transcript(bench)


def test_too_many_calls_are_caught(acme_parts: Any, tmp_path: Path) -> None:
    start = broken(acme_parts, tmp_path, acme_parts.USERS, budget=3)
    with start() as bench, pytest.raises(AssertionError, match="the budget is 3"):
        Suite.test_calls_are_few_and_all_in_the_transcript(bench)


def test_a_fallback_that_says_something_else_is_caught(acme_parts: Any, tmp_path: Path) -> None:
    def other(door: Any, reader: Any) -> Iterator[Any]:
        for record in acme_parts.users_found(door, reader):
            yield record._replace(name=record.name.upper())

    start = broken(acme_parts, tmp_path, acme_parts.USERS, replace(acme_parts.FOUND, run=other))
    with pytest.raises(AssertionError, match="has name"):
        Suite.test_a_fallback_gives_what_the_primary_gives(start)


def test_a_key_that_comes_twice_is_caught(acme_parts: Any, tmp_path: Path) -> None:
    def twice(door: Any, reader: Any) -> Iterator[Any]:
        for record in acme_parts.users(door, reader):
            yield record
            yield record

    start = broken(acme_parts, tmp_path, replace(acme_parts.USERS, run=twice))
    with start() as bench, pytest.raises(AssertionError):
        Suite.test_no_source_yields_a_key_twice(bench)


def test_an_order_that_changes_is_caught(acme_parts: Any, tmp_path: Path) -> None:
    numbers = iter(range(10_000))

    def restless(door: Any, reader: Any) -> Iterator[Any]:
        for record in acme_parts.users(door, reader):
            assert isinstance(record, Identity)
            yield record._replace(description=str(next(numbers)))

    start = broken(acme_parts, tmp_path, replace(acme_parts.USERS, run=restless))
    with pytest.raises(AssertionError):
        Suite.test_the_same_cloud_gives_the_same_scan(start)


def test_a_policy_that_grants_too_little_is_caught(acme_parts: Any, tmp_path: Path) -> None:
    poor = replace(acme_parts.connector((acme_parts.USERS,)), permissions=lambda settings: "nothing")

    @contextmanager
    def cloud() -> Iterator[Any]:
        with acme_parts.Acme(acme_parts.small_world()) as acme:
            yield acme

    with starter(Contract(poor, cloud), tmp_path)() as bench, pytest.raises(AssertionError, match="leaves it out"):
        Suite.test_declaration(bench)


class TestAcmeOrganisation(ConnectorContract):
    """The same over an organisation: one listing for all accounts, and account by account where it is denied."""

    @pytest.fixture
    def contract(self, acme_parts: Any) -> Contract:
        return organisation(acme_parts)


def organisation(acme_parts: Any, *sources: Source) -> Contract:
    return Contract(
        acme_parts.connector(sources or acme_parts.ORG_SOURCES, session=acme_parts.OrgSession),
        lambda: acme_parts.Acme(acme_parts.small_world()),
        budget=20,
    )


def test_an_account_that_a_spanning_source_does_not_name_is_caught(acme_parts: Any, tmp_path: Path) -> None:
    def forgetful(door: Any, reader: Any) -> Iterator[Any]:
        for record in acme_parts.org_users(door, reader):
            if isinstance(record, Identity) or not record.scope.endswith("two"):
                yield record

    contract = organisation(acme_parts, replace(acme_parts.ORG_USERS, run=forgetful))
    with starter(contract, tmp_path)() as bench, pytest.raises(AssertionError):
        Suite.test_one_coverage_row_for_each_planned_source(bench)


def test_a_source_with_which_the_simulation_has_nothing_to_do_is_caught(acme_parts: Any, tmp_path: Path) -> None:
    contract = organisation(acme_parts, acme_parts.USERS, replace(acme_parts.GUARDS, on=frozenset({"tenant"})))
    with starter(contract, tmp_path)() as bench, pytest.raises(AssertionError, match="has to do with"):
        Suite.test_one_coverage_row_for_each_planned_source(bench)


def test_a_fallback_that_says_something_else_below_the_organisation_is_caught(acme_parts: Any, tmp_path: Path) -> None:
    def other(door: Any, reader: Any) -> Iterator[Any]:
        for record in acme_parts.users(door, reader):
            yield record._replace(tags='{"x":"y"}' if door.scope.native_id == "two" else "{}")

    contract = organisation(acme_parts, acme_parts.ORG_USERS, replace(acme_parts.USERS_ALONE, run=other))
    with pytest.raises(AssertionError, match="has tags"):
        Suite.test_a_fallback_gives_what_the_primary_gives(starter(contract, tmp_path))


def test_a_fallback_of_a_fallback_is_compared_too(acme_parts: Any, tmp_path: Path) -> None:
    def other(door: Any, reader: Any) -> Iterator[Any]:
        for record in acme_parts.users_found(door, reader):
            yield record._replace(name=record.name.upper())

    sources = (acme_parts.ORG_USERS, acme_parts.USERS_ALONE, replace(acme_parts.FOUND, run=other))
    with pytest.raises(AssertionError, match="has name"):
        Suite.test_a_fallback_gives_what_the_primary_gives(starter(organisation(acme_parts, *sources), tmp_path))


def test_a_denial_that_is_swallowed_for_one_account_is_caught(acme_parts: Any, tmp_path: Path) -> None:
    def swallow(door: Any, reader: Any) -> Iterator[Any]:
        try:
            yield from acme_parts.org_users(door, reader)
        except acme_parts.Refused:
            yield Covered(door.below["one"].key)

    contract = organisation(acme_parts, replace(acme_parts.ORG_USERS, run=swallow), acme_parts.USERS_ALONE)
    start = starter(contract, tmp_path)
    with pytest.raises(AssertionError, match=r"acme\.users did not run in \['acme/account/one'\]"):
        Suite.test_a_fallback_gives_what_the_primary_gives(start)
    with pytest.raises(AssertionError, match=r"acme\.org-users"):
        Suite.test_a_denied_source_is_a_gap_and_ends_nothing(start)
