"""Owners, natures and analyzers over small inventories."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from nhiscan.analysis import AnalyzerError, SqlRecords, derived_needs, derived_rows
from nhiscan.analysis.needs import matches
from nhiscan.analysis.owners import plain_key
from nhiscan.analysis.roster import Match, Roster
from nhiscan.analyzer import Analyzer, Records, Reference
from nhiscan.inventory import Sql, empty_sql, fill
from nhiscan.model import Classification, Coverage, Derived, Document, Owner, Scope, Trust

S = "aws/account/a"
P = "register/register/people"


def no_document(digest: str) -> Document | None:
    return None


def identity(name: str, kind: str = "user", **facts: Any) -> dict[str, Any]:
    tags = facts.pop("tags", None)
    row = {"key": f"{S}/{kind}/{name}", "scope": S, "kind": kind, "native_id": name, "name": name}
    return row | {"tags": None if tags is None else json.dumps(tags), "planned": 1, "confirmed": 1} | facts


def person(number: int, name: str, status: str = "active", email: str | None = None, **facts: Any) -> dict[str, Any]:
    row = {"key": f"{P}/person/E{number}", "scope": P, "person_id": f"E{number}", "name": name, "status": status}
    return row | {"email": email, "planned": 1, "confirmed": 1} | facts


_OPEN: list[Sql] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Every world ends with its test: since Python 3.13 a database that is left open is told about."""
    yield
    while _OPEN:
        _OPEN.pop().close()


def world(
    identities: list[dict[str, Any]],
    people: list[dict[str, Any]] | None = None,
    needs: Mapping[str, int] | None = None,
    credentials: list[dict[str, Any]] | None = None,
    roster: int | None = 1,
) -> Sql:
    sql = empty_sql()
    _OPEN.append(sql)
    scopes: list[dict[str, Any]] = [{"key": S, "provider": "aws", "kind": "account", "native_id": "a", "planned": 1}]
    wanted = {"identity:user": 1, "identity:user.tags": 1, "credential:access_key": 1} if needs is None else needs
    rows: list[dict[str, Any]] = [
        {"scope": S, "need": need, "complete": complete, "lists": int("." not in need), "planned": 1}
        for need, complete in wanted.items()
    ]
    if people is not None:
        scopes.append({"key": P, "provider": "register", "kind": "register", "native_id": "people", "planned": 1})
        if roster is not None:
            rows.append({"scope": P, "need": "person", "complete": roster, "lists": 1, "planned": 1})
        fill(sql, "person", people)
    fill(sql, "scope", scopes)
    fill(sql, "need", rows)
    fill(sql, "identity", identities)
    fill(sql, "credential", credentials or [])
    return sql


def derived(sql: Sql, **more: Any) -> dict[str, list[Derived]]:
    found: dict[str, list[Derived]] = {}
    for table, row in derived_rows(sql, no_document, more.pop("analyzers", {}), **more):
        found.setdefault(table, []).append(row)
    return found


def owner_of(sql: Sql, **more: Any) -> tuple[str, str, str | None, str] | None:
    rows = derived(sql, **more).get("owner", [])
    assert len(rows) <= 1
    for row in rows:
        assert isinstance(row, Owner)
        return row.value, row.method, row.person, row.resolution
    return None


PEOPLE = [
    person(1, "Ann Lee", email="Ann.Lee@example.com"),
    person(2, "Bob Ray", "left", email="bob@example.com"),
    person(3, "Sam Fox"),
    person(4, "Sam Fox"),
    person(5, "Zoe Kim", "left", email="zoe@example.com"),
    person(6, "Zoe Kim", email="zoe@example.com"),
]
ANN = f"{P}/person/E1"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, None),
        ({"Environment": "prod"}, None),
        ({"owner": "  "}, None),
        ({"owner": "ann.lee@EXAMPLE.com"}, ("ann.lee@EXAMPLE.com", "tag:owner", ANN, "person")),
        ({"Owner": "e1"}, ("e1", "tag:Owner", ANN, "person")),
        ({"OwnerEmail": "Ann  Lee"}, ("Ann  Lee", "tag:OwnerEmail", ANN, "person")),
        ({"owner": "team x: ann.lee@example.com"}, ("team x: ann.lee@example.com", "tag:owner", ANN, "person")),
        ({"owner": "bob@example.com"}, ("bob@example.com", "tag:owner", f"{P}/person/E2", "person")),
        ({"owner": "platform"}, ("platform", "tag:owner", None, "not_in_roster")),
        ({"owner": "Sam Fox"}, ("Sam Fox", "tag:owner", None, "not_in_roster")),
        ({"owner": "zoe@example.com"}, ("zoe@example.com", "tag:owner", f"{P}/person/E6", "person")),
        ({"owner": "platform", "contact": "E1"}, ("E1", "tag:contact", ANN, "person")),
        ({"team": "data", "owner": "platform"}, ("platform", "tag:owner", None, "not_in_roster")),
    ],
)
def test_owners_from_tags(tags: dict[str, str], expected: tuple[str, str, str | None, str] | None) -> None:
    assert owner_of(world([identity("ci", tags=tags)], PEOPLE)) == expected


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        (None, None),
        ("Builds images", None),
        ("owner:", None),
        ("owner: ;", None),
        ("owner: ann.lee@example.com", ("ann.lee@example.com", "description:owner", ANN, "person")),
        ("Ci: Builds images; Owner = Ann Lee", ("Ann Lee", "description:Owner", ANN, "person")),
        ("Deployments: owner: Ann Lee. Ask before use.", ("Ann Lee", "description:owner", ANN, "person")),
        ("maintainer: <ann.lee@example.com>.", ("ann.lee@example.com", "description:maintainer", ANN, "person")),
        (
            "owner_email=ann.lee@example.com, since 2024",
            ("ann.lee@example.com", "description:owner_email", ANN, "person"),
        ),
        ("owner: platform | E1", ("platform", "description:owner", None, "not_in_roster")),
        ("team: data; owner: platform", ("platform", "description:owner", None, "not_in_roster")),
        ("owner: platform; contact: E1", ("E1", "description:contact", ANN, "person")),
        ("owner: E1; owner: E2", ("E1", "description:owner", ANN, "person")),
        ("co-owner: E1", None),
        ("https://owner:E1@example.com/x", ("E1@example.com/x", "description:owner", None, "not_in_roster")),
        ("owner:\nE1", ("E1", "description:owner", ANN, "person")),
        ("owner: " + "x" * 5000, ("x" * 301, "description:owner", None, "not_in_roster")),
    ],
)
def test_owners_from_descriptions(description: str | None, expected: Any) -> None:
    sql = world([identity("ci", "service_account") | {"description": description}], PEOPLE)
    assert owner_of(sql) == expected


def test_tags_come_before_the_description_unless_they_name_nobody() -> None:
    described = {"description": "owner: E1"}
    tagged = world([identity("ci", tags={"owner": "E2"}) | described], PEOPLE)
    assert owner_of(tagged) == ("E2", "tag:owner", f"{P}/person/E2", "person")
    stale = world([identity("ci", tags={"owner": "platform"}) | described], PEOPLE)
    assert owner_of(stale) == ("E1", "description:owner", ANN, "person")


def test_labels_of_the_scope_come_last() -> None:
    def labelled(row: dict[str, Any], **labels: str) -> Sql:
        sql = world([row], PEOPLE)
        fill(
            sql,
            "setting",
            [
                {"key": f"{row['scope']}|label.{name}", "scope": row["scope"], "name": f"label.{name}", "text": text}
                for name, text in labels.items()
            ],
        )
        return sql

    account = identity("ci", "service_account")
    assert owner_of(labelled(account, owner="e1", env="live")) == ("e1", "label:owner", ANN, "person")
    assert owner_of(labelled(account, team="data", contact="E1")) == ("E1", "label:contact", ANN, "person")
    assert owner_of(labelled(account, team="data")) == ("data", "label:team", None, "not_in_roster")
    assert owner_of(labelled(account, env="live")) is None
    described = account | {"description": "owner: platform"}
    assert owner_of(labelled(described, owner="e1")) == ("platform", "description:owner", None, "not_in_roster")
    user = identity("Ann Lee", "user")
    assert owner_of(labelled(user, owner="e2")) == ("Ann Lee", "roster:name", ANN, "person")


def related(kind: str, subject: str, target: str, **facts: Any) -> dict[str, Any]:
    ends = {"subject": f"{S}/{subject}", "target": f"{S}/{target}"}
    row = {"key": f"{kind}|{subject}|{target}", "scope": S, "kind": kind} | ends
    return row | {"planned": 1, "confirmed": 1} | facts


def test_owners_whom_the_directory_names_come_after_tags_and_description() -> None:
    app, ann, bob = identity("app", "application"), identity("ann", "user"), identity("bob", "user")
    mail = {"key": "m", "scope": S, "identity": ann["key"], "kind": "email", "value": "ann.lee@example.com"}
    owned = [related("owned_by", "application/app", "user/bob"), related("owned_by", "application/app", "user/ann")]

    def directory(row: dict[str, Any], relations: list[dict[str, Any]]) -> Any:
        sql = world([row, ann, bob], PEOPLE)
        fill(sql, "alias", [mail | {"planned": 1, "confirmed": 1}])
        fill(sql, "relation", relations)
        found = [one for table, one in derived_rows(sql, no_document, {}) if table == "owner" and one.key == row["key"]]
        return found[0][2:] if found else None

    mentioned = ("ann.lee@example.com", "relation:owned_by", ANN, "person")
    assert directory(app, owned) == mentioned, "the first owner who is in the roster"
    assert directory(app, owned[:1]) == ("bob", "relation:owned_by", None, "not_in_roster")
    assert directory(app, [owned[1] | {"confirmed": 0}]) is None
    assert directory(app, [owned[1] | {"kind": "member_of"}]) is None
    tagged = identity("app", "application", tags={"owner": "E2"})
    assert directory(tagged, owned) == ("E2", "tag:owner", f"{P}/person/E2", "person")
    described = app | {"description": "owner: platform"}
    assert directory(described, owned) == mentioned, "who is in the roster beats what names nobody"


def test_an_instance_has_the_owner_of_what_it_is_an_instance_of() -> None:
    principal, app = identity("sp", "service_principal"), identity("app", "application", tags={"owner": "E1"})
    user = identity("bob", "user")
    joined = related("instance_of", "service_principal/sp", "application/app")

    def instance(*rows: dict[str, Any], relations: list[dict[str, Any]]) -> Any:
        sql = world([*rows, user], PEOPLE)
        fill(sql, "relation", relations)
        key = principal["key"]
        found = [one for table, one in derived_rows(sql, no_document, {}) if table == "owner" and one.key == key]
        return found[0][2:] if found else None

    assert instance(principal, app, relations=[joined]) == ("E1", "instance_of:tag:owner", ANN, "person")
    assert instance(principal, app, relations=[]) is None
    assert instance(principal, app | {"confirmed": 0}, relations=[joined]) is None
    own = identity("sp", "service_principal", tags={"owner": "E2"})
    assert instance(own, app, relations=[joined]) == ("E2", "tag:owner", f"{P}/person/E2", "person")
    owned = related("owned_by", "application/app", "user/bob")
    bare = identity("app", "application")
    assert instance(principal, bare, relations=[joined, owned]) == (
        "bob",
        "instance_of:relation:owned_by",
        None,
        "not_in_roster",
    )


def test_without_a_roster_nobody_is_missing_from_it() -> None:
    tags = {"owner": "ann.lee@example.com"}
    assert owner_of(world([identity("ci", tags=tags)])) == ("ann.lee@example.com", "tag:owner", None, "no_roster")
    unread = world([identity("ci", tags=tags)], [], roster=0)
    assert owner_of(unread) == ("ann.lee@example.com", "tag:owner", None, "no_roster")
    partly = world([identity("ci", tags={"owner": "platform"})], PEOPLE, roster=0)
    assert owner_of(partly) == ("platform", "tag:owner", None, "no_roster")


def test_a_roster_that_was_not_planned_is_not_asked() -> None:
    old = [{**one, "planned": 0} for one in PEOPLE]
    sql = world([identity("ci", tags={"owner": "E1"})], old, roster=None)
    assert owner_of(sql) == ("E1", "tag:owner", None, "no_roster")


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("ann.lee@example.com", "user", ("ann.lee@example.com", "roster:email", ANN, "person")),
        ("Ann Lee", "user", ("Ann Lee", "roster:name", ANN, "person")),
        ("E1", "user", ("E1", "roster:id", ANN, "person")),
        ("ann.lee@example.com", "role", None),
        ("ann", "user", None),
    ],
)
def test_a_user_in_the_roster_answers_for_itself(name: str, kind: str, expected: Any) -> None:
    assert owner_of(world([identity(name, kind)], PEOPLE)) == expected


def test_the_keys_of_owner_tags_can_be_chosen() -> None:
    sql = world([identity("ci", tags={"owner": "E1", "acme:boss": "E2"})], PEOPLE)
    assert owner_of(sql, owner_tags=("Acme:Boss",)) == ("E2", "tag:acme:boss", f"{P}/person/E2", "person")
    assert plain_key("Owner-E_mail ") == "owneremail"


def test_an_alias_can_be_the_e_mail_of_a_user() -> None:
    sql = world([identity("al")], PEOPLE)
    alias = {"key": "x", "scope": S, "identity": f"{S}/user/al", "kind": "email", "value": "ann.lee@example.com"}
    fill(sql, "alias", [alias | {"planned": 1, "confirmed": 1}])
    assert owner_of(sql) == ("ann.lee@example.com", "roster:email", ANN, "person")


KEY = {"scope": S, "kind": "access_key", "state": "active", "planned": 1, "confirmed": 1}


def nature(row: dict[str, Any], *, keys: int = 0, people: Any = None, complete: int = 1) -> tuple[str, str, str]:
    credentials = [KEY | {"key": f"k{number}", "name": f"k{number}", "identity": row["key"]} for number in range(keys)]
    credentials.append(
        KEY | {"key": "p", "name": "p", "identity": row["key"], "kind": "password"}  # a password is no key
    )
    needs = {"identity:user": 1, "identity:user.tags": 1, "credential:access_key": complete}
    (found,) = derived(world([row], people, needs, credentials))["classification"]
    assert isinstance(found, Classification)
    assert (found.key, found.scope) == (row["key"], S)
    return found.nature, found.confidence, found.reason


@pytest.mark.parametrize(
    ("row", "keys", "expected"),
    [
        (identity("r", "root"), 1, ("unknown", "proven", "the root identity belongs to the account")),
        (identity("g", "group"), 0, ("unknown", "proven", "a group has members of either sort")),
        (identity("r", "role"), 0, ("machine", "proven", "kind role")),
        (identity("r", "service_account"), 0, ("machine", "proven", "kind service_account")),
        (identity("ann", tags={"NHI": "True"}, console_access=1), 0, ("machine", "proven", "tag NHI=True")),
        (identity("x", tags={"nhi": "false"}, console_access=0), 2, ("person", "proven", "tag nhi=false")),
        (identity("x", tags={"Type": "Service"}), 0, ("machine", "proven", "tag Type=Service")),
        (identity("x", tags={"human": "no"}), 0, ("machine", "proven", "tag human=no")),
        (identity("svc-x", tags={"user-type": "human"}), 0, ("person", "proven", "tag user-type=human")),
        (
            identity("x", tags={"type": "human", "nhi": "yes"}),
            0,
            ("unknown", "proven", "contradicting tags: tag nhi=yes, tag type=human"),
        ),
        (identity("x", path="/people/", console_access=0), 1, ("person", "possible", "path with the word people")),
        (identity("x", path="/svc/", console_access=1), 0, ("machine", "possible", "path with the word svc")),
        (identity("deploy-prod", console_access=1), 0, ("machine", "possible", "name with the word deploy")),
        (identity("Jenkins02"), 0, ("machine", "possible", "name with the word jenkins")),
        (identity("cicely", console_access=0), 1, ("machine", "conditional", "access keys and no console password")),
        (identity("x", console_access=1, mfa=1), 0, ("person", "conditional", "console password and no access key")),
        (identity("x", console_access=1, mfa=0), 0, ("person", "possible", "console password and no access key")),
        (
            identity("x", console_access=1, mfa=1),
            1,
            ("person", "possible", "console password with MFA, beside access keys"),
        ),
        (identity("x", console_access=1, mfa=0), 1, ("unknown", "possible", "console password and access keys")),
        (identity("x", console_access=0), 0, ("unknown", "possible", "neither console password nor access keys")),
        (identity("x"), 1, ("unknown", "possible", "console access was not collected")),
    ],
)
def test_machine_or_person(row: dict[str, Any], keys: int, expected: tuple[str, str, str]) -> None:
    assert nature(row, keys=keys) == expected


def test_the_roster_makes_a_person_of_a_user() -> None:
    row = identity("bob@example.com", console_access=0)
    assert nature(row, keys=1, people=PEOPLE) == ("person", "proven", "email in the people roster")
    assert nature(identity("Ann Lee"), people=PEOPLE) == ("person", "conditional", "name in the people roster")


def test_keys_that_were_not_listed_are_not_no_keys() -> None:
    row = identity("x", console_access=1, mfa=1)
    assert nature(row, complete=0) == ("unknown", "possible", "access keys were not collected")
    assert nature(row, keys=1, complete=0)[0] == "person"


def test_only_confirmed_rows_of_planned_scopes_are_looked_at() -> None:
    rows = [identity("a"), identity("b", confirmed=0), identity("c", planned=0)]
    assert [row.key for row in derived(world(rows))["classification"]] == [f"{S}/user/a"]


def test_derived_rows_do_not_depend_on_the_order_of_the_tables() -> None:
    rows = [identity(name, tags={"owner": "E1"}) for name in ("c", "a", "b")]
    assert derived(world(rows, PEOPLE)) == derived(world(rows[::-1], PEOPLE[::-1]))


def everybody_trusts(records: Records) -> Iterator[Derived]:
    for scope in records.scopes():
        for one in records.identities(scope.key):
            yield Trust(f"{one.key}|1", scope.key, one.key, "anybody", "*", None, 1, 0, 0, None, "1")


def records(sql: Sql) -> SqlRecords:
    return SqlRecords(sql, "aws", no_document, as_of=99)


READS = frozenset({"identity:user", "identity.tags"})
ANALYZER = Analyzer("aws", READS, frozenset({"trust"}), everybody_trusts)


def test_an_analyzer_sees_the_planned_scopes_of_its_provider() -> None:
    sql = world([identity("a"), identity("b", confirmed=0)], PEOPLE)
    assert [row.key for row in derived(sql, analyzers={"aws": ANALYZER})["trust"]] == [f"{S}/user/a|1"]


def test_an_analyzer_reads_whole_records() -> None:
    seen: list[Any] = []

    def derive(records: Records) -> Iterator[Derived]:
        seen.extend([list(records.scopes()), list(records.identities(S)), records.document("d")])
        seen.extend([list(records.grants(S)), list(records.policies(S)), list(records.relations(S))])
        seen.extend([list(records.aliases(S)), list(records.credentials(S)), list(records.settings(S))])
        seen.extend([list(records.uses(S)), records.as_of, records.reference()])
        asked = ("identity:user", "identity.tags", "credential:access_key", "setting:organization")
        seen.append([need for need in asked if records.complete(S, need)])
        yield from ()

    needs = {"identity:user": 1, "identity:user.tags": 1, "credential:access_key": 0}
    state: dict[str, Any] = {"scope": S, "planned": 1, "confirmed": 1}
    credential = {"key": "c", "kind": "access_key", "name": "c", "identity": "i"} | state
    sql = world([identity("b", used_at=5, mfa=1), identity("a")], needs=needs, credentials=[credential])
    for name in ("o", "other"):
        organization: dict[str, Any] = {"provider": "aws", "kind": "organization", "native_id": name, "planned": 0}
        fill(sql, "scope", [{"key": f"aws/organization/{name}"} | organization])
    sql.run("UPDATE scope SET parent = 'aws/organization/o' WHERE key = :key", {"key": S})
    grant: dict[str, Any] = {"key": "g", "kind": "inline_policy", "principal": "i", "name": "n", "document": "d"}
    fill(sql, "access_grant", [grant | state, {**grant, "key": "h", **state, "confirmed": 0}])
    rows: dict[str, dict[str, Any]] = {
        "policy": {"key": "p", "kind": "customer_policy", "native_id": "p", "name": "p"},
        "relation": {"key": "r", "kind": "member_of", "subject": "i", "target": "g"},
        "alias": {"key": "al", "identity": "i", "kind": "arn", "value": "v"},
        "setting": {"key": "s", "name": "organization.member", "number": 1},
        "access_use": {"key": "u", "identity": "i", "service": "s3", "used_at": 7, "known_since": 3},
    }
    for view, row in rows.items():
        fill(sql, view, [row | state])
    document = Document("d", "policy", "{}")
    analyzer = Analyzer("aws", READS, frozenset(), derive)
    list(derived_rows(sql, {"d": document}.get, {"aws": analyzer}, as_of=99, references={"aws": "text"}))
    scopes, identities, found, grants, policies, relations = seen[:6]
    aliases, credentials, settings, uses, as_of, reference, complete = seen[6:]
    assert [one.key for one in scopes] == [S, "aws/organization/o"]
    assert [(one.key, one.value) for one in aliases] == [("al", "v")]
    assert [one.key for one in credentials] == ["c"]
    assert [(one.name, one.number) for one in settings] == [("organization.member", 1)]
    assert [(one.service, one.used_at, one.known_since, one.trailing_days) for one in uses] == [("s3", 7, 3, None)]
    assert (as_of, reference) == (99, "text")
    assert complete == ["identity:user", "identity.tags"]
    assert [(one.name, one.used_at, one.mfa, one.trailing_days) for one in identities] == [
        ("a", None, None, None),
        ("b", 5, 1, None),
    ]
    assert found is document
    assert [(one.key, one.document) for one in grants] == [("g", "d")]
    assert [one.key for one in policies] == ["p"]
    assert [(one.subject, one.target) for one in relations] == [("i", "g")]


@pytest.mark.parametrize(
    ("need", "expected"),
    [
        ("identity:user", True),
        ("identity:role", False),
        ("identity", False),
        ("alias:arn", True),
        ("alias:email", False),
        ("alias", True),
        ("setting:organization", False),
        ("identity:user.mfa", True),
        ("identity.mfa", True),
        ("access_use", False),
        ("trust", False),
    ],
)
def test_what_is_completely_known(need: str, expected: bool) -> None:
    needs = {"identity:user": 1, "identity:role": 0, "alias": 1, "alias:email": 0, "identity:user.mfa": 1, "trust": 1}
    sql = world([], None, needs)
    assert records(sql).complete(S, need) is expected
    assert records(sql).complete("aws/account/other", need) is False
    sql.run("UPDATE need SET planned = 0")  # what another scan knew of a scope that this one did not read
    assert records(sql).complete(S, need) is False


def test_the_scopes_above_the_planned_ones_are_shown_and_what_lives_there_is_not() -> None:
    unit, root = "aws/organizational_unit/u", "aws/organization/o"
    sql = world([identity("a", scope=unit, planned=0)])
    above: list[tuple[str, str | None, str]] = [
        (root, "other/organization/x", "aws"),
        (unit, root, "aws"),
        ("aws/organizational_unit/other", root, "aws"),
        ("aws/account/other", unit, "aws"),
        ("other/organization/x", None, "other"),
    ]
    rows = [
        {"key": key, "provider": provider, "kind": "x", "native_id": key, "parent": parent, "planned": 0}
        for key, parent, provider in above
    ]
    fill(sql, "scope", rows)
    sql.run("UPDATE scope SET parent = :unit WHERE planned = 1", {"unit": unit})
    assert [scope.key for scope in records(sql).scopes()] == [S, root, unit]
    assert records(sql).planned() == [S]
    assert list(records(sql).identities(unit)) == []
    sql.run("UPDATE scope SET parent = :below WHERE key = :root", {"below": S, "root": root})
    assert len(list(records(sql).scopes())) == 3  # a circle comes to an end


@pytest.mark.parametrize(
    "row",
    [
        Owner(f"{S}/user/a", S, "x", "y", None, "no_roster"),
        Trust("t", "aws/account/other", "i", "anybody", "*", None, 1, 0, 0, None, "1"),
        Trust("t", "aws/organization/o", "i", "anybody", "*", None, 1, 0, 0, None, "1"),
        Scope("x", "aws", "account", "x"),
        Coverage("k", S, "source", "complete"),
    ],
)
def test_an_analyzer_that_gives_what_it_must_not_fails_the_run(row: Any) -> None:
    sql = world([identity("a")])
    above: dict[str, Any] = {"key": "aws/organization/o", "provider": "aws", "kind": "organization", "planned": 0}
    fill(sql, "scope", [above | {"native_id": "o"}])
    sql.run("UPDATE scope SET parent = 'aws/organization/o' WHERE planned = 1")
    bad = Analyzer("aws", READS, frozenset({"trust"}), lambda records: iter([row]))
    with pytest.raises(AnalyzerError):
        derived(sql, analyzers={"aws": bad})


def test_an_analyzer_is_given_the_text_of_the_scan_and_not_asked_for_another() -> None:
    def ask() -> Reference:
        raise AssertionError("the text of the scan is what counts")

    seen: list[str | None] = []

    def derive(records: Records) -> Iterator[Derived]:
        seen.append(records.reference())
        yield from ()

    analyzer = Analyzer("aws", READS, frozenset(), derive, reference=ask)
    derived(world([]), analyzers={"aws": analyzer}, references={"aws": "text", "other": "more"})
    assert seen == ["text"]


def test_an_analyzer_without_a_planned_scope_is_not_run() -> None:
    def derive(records: Records) -> Iterator[Derived]:
        raise AssertionError("there is nothing to read")

    assert derived(world([]), analyzers={"gcp": Analyzer("gcp", READS, frozenset(), derive)}) == {}


def need_rows(needs: Mapping[str, int], analyzers: Mapping[str, Analyzer]) -> dict[str, tuple[int, str | None]]:
    rows = derived_needs(world([], PEOPLE, needs), analyzers)
    found = {}
    for row in rows:
        assert (row.scope, row.lists) == (S, 1)
        found[row.need] = (row.complete, row.reason)
    return found


def test_needs_of_derived_tables_are_the_worst_of_what_they_rest_on() -> None:
    whole = {"identity:user": 1, "identity:role": 1, "identity:user.tags": 1}
    found = need_rows(whole, {"aws": ANALYZER})
    assert {need: complete for need, (complete, _) in found.items()} == {
        "owner": 1,
        "classification": 1,
        "trust": 1,
        "effective_access": 0,
        "escalation_path": 0,
        "privilege": 0,
    }
    paths = Analyzer("other", READS, frozenset({"escalation_path"}), everybody_trusts)
    assert need_rows(whole, {"aws": ANALYZER, "other": paths})["escalation_path"][0] == 0
    assert found["effective_access"][1] == "no analyzer of aws gives it"
    found = need_rows(whole | {"identity:role": 0}, {"aws": ANALYZER})
    assert (found["owner"], found["classification"], found["trust"]) == (
        (0, "identity:role"),
        (0, "identity:role"),
        (1, None),
    )
    found = need_rows(whole | {"identity:user.tags": 0}, {"aws": ANALYZER})
    assert (found["owner"][0], found["classification"][0], found["trust"][0]) == (0, 1, 0)


def test_where_no_identity_can_live_nothing_is_derived() -> None:
    assert need_rows({"setting:account": 0}, {}) == {}


@pytest.mark.parametrize(
    ("pattern", "need", "expected"),
    [
        ("identity", "identity:user", True),
        ("identity", "identity:user.tags", False),
        ("identity.tags", "identity:user.tags", True),
        ("identity:role.tags", "identity:user.tags", False),
        ("alias:arn", "alias", True),
        ("access_grant:inline_policy", "access_grant:inline_policy", True),
        ("access_grant", "policy:customer_policy", False),
    ],
)
def test_which_need_speaks_about_what(pattern: str, need: str, expected: bool) -> None:
    assert matches(pattern, need) is expected


def test_a_roster_finds_by_e_mail_before_id_and_name() -> None:
    rows = [("k1", "x", None, "y", "active"), ("k2", "y", "x", None, "active")]
    roster = Roster(rows, present=True, complete=True)
    assert roster.find("X") == Match("k2", "email")
    assert roster.find("y") == Match("k2", "id")
    assert roster.find("nobody") is None
