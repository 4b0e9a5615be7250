"""What the connector reads of AWS Organizations and of the use of services, against a simulated AWS over sockets."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any, TypeVar

import pytest

from nhiscan.collect.order import in_order
from nhiscan.collect.places import plan
from nhiscan.collect.spool import Spool
from nhiscan.collect.step import read_scope
from nhiscan.collect.task import tasks
from nhiscan.collect.watch import Log, Watch, noting
from nhiscan.connector import Context, OptionError
from nhiscan.model import AccessUse, Alias, Call, Coverage, Document, Grant, Identity, Policy, Record, Scope, Setting
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment
from nhiscan_aws import CONNECTOR
from nhiscan_aws.simulated import (
    ALLOW_ALL,
    RESOURCE_CONTROL_POLICY,
    ROOT,
    SERVICE_CONTROL_POLICY,
    Access,
    Account,
    Caller,
    Key,
    Organization,
    OrganizationPolicy,
    Role,
    SimulatedAws,
    Unit,
    Use,
    User,
    World,
    organizations,
    trust,
)

NOW = at("2026-11-02T09:00:00")
DAY = 86_400
HOME, MEMBER, DEEP, STRANGER = "320000000001", "320000000002", "320000000003", "320000000004"
MEMBERSHIP, PARENTS, POLICIES = "organizations.membership", "organizations.parents", "organizations.policies"
USES, DETAILS = "iam.service-last-accessed", "iam.account-authorization-details"
DENY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "a%2Fb"}]}
Kind = TypeVar("Kind")


@dataclass
class Read:
    """What came out of one scope."""

    scope: Scope
    coverage: dict[str, Coverage]
    records: dict[str, list[Record]]
    calls: list[Call]

    def of(self, source: str, kind: type[Kind]) -> list[Kind]:
        return [record for record in self.records[source] if isinstance(record, kind)]

    def settings(self) -> dict[str, int | str | None]:
        found = [one for records in self.records.values() for one in records if isinstance(one, Setting)]
        return {one.name: one.text if one.number is None else one.number for one in found if "organization" in one.name}

    def state(self, source: str) -> str:
        return self.coverage[source].state


@dataclass
class Reading:
    """One simulated AWS and what it takes to read it."""

    aws: SimulatedAws
    slept: list[float] = field(default_factory=list)
    session_calls: list[Call] = field(default_factory=list)
    scopes: dict[str, Scope] = field(default_factory=dict)

    def read(self, *accounts: str, **settings: Any) -> dict[str, Read]:
        """Native id without the partition -> what came out of a scope."""
        if accounts:
            settings |= {"account": accounts, "role-name": "reader"}
        settings = {name.replace("_", "-"): value for name, value in settings.items()}
        watch, log = Watch(lambda event: None), Log()
        context = Context(clock=self.aws.clock, sleep=self.slept.append, note=watch.note_for(log))
        found: dict[str, Read] = {}
        with ExitStack() as stack:
            spool = stack.enter_context(Spool())
            with noting(log):
                session = CONNECTOR.open(settings, context)
                stack.callback(session.close)
                scopes = list(session.scopes())
            self.session_calls = log.take()
            self.scopes = {scope.native_id.partition(":")[2]: scope for scope in scopes}
            sources = in_order(CONNECTOR.sources(settings))
            for task in tasks([(CONNECTOR, session, sources, plan(sources, scopes))]):
                number, scope = task.number, task.scope
                rows = read_scope(task, spool, watch, self.aws.clock)
                found[scope.native_id.partition(":")[2]] = Read(
                    scope,
                    {row.source: row for row in rows},
                    {one.id: [record for _, record in spool.records(number, n)] for n, one in enumerate(sources)},
                    [call for one in sources for call in spool.calls(task.source_calls(one.id))],
                )
        return found

    @property
    def org(self) -> str:
        return str(self.aws.organization.id)


@contextmanager
def simulated(world: World, *, attempts: int = 9, **how: Any) -> Iterator[Reading]:
    with (
        SimulatedAws(world, clock=SimulatedClock(NOW), **how) as aws,
        environment({**aws.environment, "AWS_MAX_ATTEMPTS": str(attempts)}, remove=aws.remove),
    ):
        yield Reading(aws)


def world(caller: str = HOME, **changes: Any) -> World:
    """A management account, one in a unit, one two units deep, and one of somebody else."""
    given = {
        "management": HOME,
        "units": (Unit("outer", (MEMBER,), units=(Unit("inner", (DEEP,)),)), Unit("elsewhere", ("999999999999",))),
        "policies": (
            OrganizationPolicy("no-buckets", DENY, ("inner", MEMBER, "elsewhere")),
            OrganizationPolicy("spare", "{no json"),
        ),
        "outside": (STRANGER,),
    }
    reader = Role("reader", 0, trust("*"))
    accounts = tuple(Account(one, 0, roles=(reader,)) for one in (HOME, MEMBER, DEEP, STRANGER))
    return World(accounts, Caller(caller), Organization(**{**given, **changes}))


def asked(calls: Sequence[Call], operation: str) -> list[Mapping[str, Any]]:
    return [json.loads(call.parameters) for call in calls if call.operation == operation]


# --- membership ---


def test_each_account_says_with_its_own_credentials_to_which_organisation_it_belongs() -> None:
    with simulated(world()) as reading:
        read = reading.read(HOME, MEMBER, DEEP, STRANGER)
        for account in (HOME, MEMBER, DEEP):
            assert read[account].settings() == {
                "organization.member": 1,
                "organization.id": reading.org,
                "organization.management_account": HOME,
                "organization.features": "ALL",
            }
            assert read[account].state(MEMBERSHIP) == "complete"
        assert read[STRANGER].settings() == {"organization.member": 0}
        assert read[STRANGER].state(MEMBERSHIP) == "complete"
        for account in (HOME, MEMBER, DEEP, STRANGER):
            assert reading.aws.calls.of("organizations:DescribeOrganization", account) == 1


def test_an_account_without_organisation_costs_one_call_more() -> None:
    with simulated(World((Account(HOME, 0),))) as reading:
        read = reading.read()
        calls = reading.aws.calls.by_action()
    assert read[HOME].settings() == {"organization.member": 0}
    assert {action: count for action, count in calls.items() if action.startswith("organizations:")} == {
        "organizations:DescribeOrganization": 1
    }
    assert [call.operation for call in reading.session_calls] == ["GetCallerIdentity", "DescribeOrganization"]
    assert set(reading.scopes) == {HOME}


@pytest.mark.parametrize("account", [HOME, MEMBER])
def test_a_denied_membership_is_a_gap_of_that_account(account: str) -> None:
    with simulated(world()) as reading:
        reading.aws.faults.deny("organizations:DescribeOrganization", account=account)
        read = reading.read(HOME, MEMBER)
    row = read[account].coverage[MEMBERSHIP]
    assert (row.state, row.permission, row.operation) == ("denied", *["organizations:DescribeOrganization"] * 2)
    assert read[account].settings() == {}
    other = MEMBER if account == HOME else HOME
    assert read[other].state(MEMBERSHIP) == "complete"


def test_features_are_kept_as_they_are() -> None:
    with simulated(world(features="CONSOLIDATED_BILLING", policy_types=(), policies=())) as reading:
        read = reading.read(HOME, MEMBER)
    assert read[MEMBER].settings()["organization.features"] == "CONSOLIDATED_BILLING"
    assert read[reading.org].settings() == {
        "organization.service_control_policies": 0,
        "organization.resource_control_policies": 0,
    }


# --- who is above whom ---


def test_parents_join_accounts_units_root_and_organisation() -> None:
    with simulated(world()) as reading:
        reading.read(HOME, MEMBER, DEEP, STRANGER)
        state = reading.aws.organization
        outer, inner, root = (state.node(name).id for name in ("outer", "inner", ROOT))
    kinds = {name: scope.kind for name, scope in reading.scopes.items()}
    assert kinds == {
        **dict.fromkeys((HOME, MEMBER, DEEP, STRANGER), "account"),
        **dict.fromkeys((outer, inner, root), "organizational_unit"),
        state.id: "organization",
    }
    unit = "aws/organizational_unit/aws:"
    assert {name: scope.parent for name, scope in reading.scopes.items()} == {
        HOME: unit + root,
        MEMBER: unit + outer,
        DEEP: unit + inner,
        STRANGER: None,
        inner: unit + outer,
        outer: unit + root,
        root: f"aws/organization/aws:{state.id}",
        state.id: None,
    }
    assert all(scope.key == f"aws/{scope.kind}/{scope.native_id}" for scope in reading.scopes.values())


def test_each_account_and_each_unit_is_asked_for_once() -> None:
    crowd = tuple(f"32{number:010d}" for number in range(5, 12))
    members = (MEMBER, *crowd)
    units = (Unit("outer", members, units=(Unit("inner", (DEEP,)),)),)
    accounts = tuple(Account(one, 0, roles=(Role("reader", 0, trust(HOME)),)) for one in (*crowd, MEMBER, DEEP, HOME))
    with simulated(World(accounts, Caller(HOME), Organization(HOME, units))) as reading:
        read = reading.read(*members, DEEP)
        children = [one["ChildId"] for one in asked(reading.session_calls, "ListParents")]
        assert reading.aws.calls.of("organizations:ListParents") == len(members) + 1 + 2
    assert len(children) == len(set(children))
    assert read[reading.org].state(PARENTS) == "complete"
    assert HOME not in reading.scopes


def test_a_denied_listing_of_parents_leaves_the_accounts_below_the_organisation_and_is_told() -> None:
    with simulated(world()) as reading:
        reading.aws.faults.deny("organizations:ListParents")
        read = reading.read(HOME, MEMBER, DEEP)
        assert reading.aws.calls.of("organizations:ListParents") == 1
    organization = f"aws/organization/aws:{reading.org}"
    assert {reading.scopes[one].parent for one in (HOME, MEMBER, DEEP)} == {organization}
    assert set(reading.scopes) == {HOME, MEMBER, DEEP, reading.org}
    row = read[reading.org].coverage[PARENTS]
    assert (row.state, row.permission) == ("denied", "organizations:ListParents")
    assert read[reading.org].state(POLICIES) == "complete"


@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5, 6])
def test_whichever_listing_of_parents_fails_a_way_is_whole_or_not_shown(nth: int) -> None:
    with simulated(world(), attempts=1) as reading:
        reading.aws.faults.fail("organizations:ListParents", nth=nth, times=None)
        read = reading.read(HOME, MEMBER, DEEP)
    by_key = {scope.key: scope for scope in reading.scopes.values()}
    organization = f"aws/organization/aws:{reading.org}"

    def way(account: str) -> list[str]:
        keys = [reading.scopes[account].key]
        while (parent := by_key[keys[-1]].parent) is not None:
            keys.append(parent)
        return [key.rpartition(":")[2] for key in keys]

    outer, inner, root = (reading.aws.organization.node(name).id for name in ("outer", "inner", ROOT))
    whole = {  # account: (the whole way, number of the last call that it takes)
        HOME: ([HOME, root, reading.org], 1),
        MEMBER: ([MEMBER, outer, root, reading.org], 3),
        DEEP: ([DEEP, inner, outer, root, reading.org], 5),
    }
    for account, (expected, last) in whole.items():
        assert way(account) == (expected if last < nth else [account, reading.org])
    assert organization in by_key
    assert read[reading.org].state(PARENTS) == ("failed" if nth <= 5 else "complete")


def test_an_organisation_without_planned_accounts_is_no_scope() -> None:
    with simulated(world()) as reading:
        read = reading.read(STRANGER)
    assert set(reading.scopes) == {STRANGER} == set(read)


# --- who reads it ---


def test_a_member_reads_itself_and_no_more_and_nothing_is_missing() -> None:
    with simulated(world(caller=MEMBER)) as reading:
        read = reading.read()
        calls = reading.aws.calls.by_action()
    assert set(reading.scopes) == {MEMBER} == set(read)
    assert read[MEMBER].settings()["organization.management_account"] == HOME
    assert {row.state for row in read[MEMBER].coverage.values()} == {"complete"}
    assert [action for action in calls if action.startswith("organizations:")] == ["organizations:DescribeOrganization"]


def test_a_delegated_administrator_says_yes() -> None:
    with simulated(world(caller=MEMBER, delegated=(MEMBER,))) as reading:
        assert set(reading.read()) == {MEMBER}
        read = reading.read(organization="yes")
        root, outer = (reading.aws.organization.node(name).id for name in (ROOT, "outer"))
    assert set(read) == {MEMBER, reading.org}
    assert set(reading.scopes) == {MEMBER, outer, root, reading.org}
    assert {row.state for row in read[reading.org].coverage.values()} == {"complete"}


def test_a_member_who_says_yes_has_a_gap() -> None:
    with simulated(world(caller=MEMBER)) as reading:
        read = reading.read(organization="yes")
    assert {source: row.state for source, row in read[reading.org].coverage.items()} == {
        PARENTS: "denied",
        POLICIES: "denied",
    }
    assert reading.scopes[MEMBER].parent == f"aws/organization/aws:{reading.org}"


def test_who_says_no_is_not_asked() -> None:
    with simulated(world()) as reading:
        read = reading.read(HOME, MEMBER, organization="no")
        calls = reading.aws.calls.by_action()
    assert set(read) == {HOME, MEMBER}
    assert calls["organizations:DescribeOrganization"] == 2
    assert not [one for one in calls if one.startswith("organizations:") and "Describe" not in one]
    assert read[HOME].settings()["organization.member"] == 1


def test_yes_without_an_organisation_cannot_work() -> None:
    with simulated(world(caller=STRANGER)) as reading, pytest.raises(OptionError, match="is in no organisation"):
        reading.read(organization="yes")


@pytest.mark.parametrize("settings", [{"organization": "perhaps"}, {"organization": "AUTO"}])
def test_another_word_cannot_work(settings: dict[str, str]) -> None:
    with simulated(world()) as reading, pytest.raises(OptionError, match="is none of auto, yes, no"):
        reading.read(**settings)


def test_an_organisation_that_was_asked_for_and_cannot_be_described_is_a_gap() -> None:
    with simulated(world()) as reading:
        reading.aws.faults.deny("organizations:DescribeOrganization", account=HOME)
        read = reading.read(MEMBER, organization="yes")
    assert {source: (row.state, row.permission) for source, row in read[HOME].coverage.items()} == {
        PARENTS: ("denied", "organizations:DescribeOrganization"),
        POLICIES: ("denied", "organizations:DescribeOrganization"),
    }
    assert (read[HOME].scope.kind, read[HOME].scope.name) == ("organization", f"organisation of {HOME}")
    assert read[MEMBER].state(MEMBERSHIP) == "complete"


@pytest.mark.parametrize("account", [HOME, MEMBER])
def test_a_planning_call_that_fails_is_told_wherever_the_caller_is(account: str) -> None:
    with simulated(world(), attempts=1) as reading:
        reading.aws.faults.fail("organizations:DescribeOrganization", account=HOME)
        read = reading.read(account)
    states = {row.state for one in read.values() for row in one.coverage.values()}
    assert states == {"complete", "failed"}


def test_a_caller_who_may_not_know_its_organisation_reads_other_accounts() -> None:
    with simulated(world()) as reading:
        reading.aws.faults.deny("organizations:DescribeOrganization", account=HOME)
        read = reading.read(MEMBER)
    assert set(reading.scopes) == {MEMBER}
    assert {row.state for row in read[MEMBER].coverage.values()} == {"complete"}


# --- policies ---


def test_policies_with_texts_and_targets() -> None:
    with simulated(world(policy_types=(SERVICE_CONTROL_POLICY, RESOURCE_CONTROL_POLICY))) as reading:
        found = reading.read(HOME, MEMBER, DEEP)[reading.org]
        inner, elsewhere = (reading.aws.organization.node(name).id for name in ("inner", "elsewhere"))
    assert {row.state for row in found.coverage.values()} == {"complete"}
    scope = f"aws/organization/aws:{reading.org}"
    policies = {one.name: one for one in found.of(POLICIES, Policy)}
    assert {name: (one.kind, one.attachments) for name, one in policies.items()} == {
        "FullAWSAccess": ("service_control_policy", 8),
        "no-buckets": ("service_control_policy", 3),
        "spare": ("service_control_policy", 0),
        "RCPFullAWSAccess": ("resource_control_policy", 8),
    }
    own = policies["no-buckets"]
    assert own.key == f"{scope}/service_control_policy/{own.native_id}"
    assert own.native_id.startswith("p-")
    assert own.arn == f"arn:aws:organizations::{HOME}:policy/{reading.org}/service_control_policy/{own.native_id}"
    documents: dict[str | None, str] = {one.digest: one.text for one in found.of(POLICIES, Document)}
    assert json.loads(documents[own.document]) == DENY
    assert documents[policies["spare"].document] == "{no json"
    grants = [one for one in found.of(POLICIES, Grant) if one.policy == own.key]
    assert {one.principal for one in grants} == {
        f"aws/account/aws:{MEMBER}",
        f"aws/organizational_unit/aws:{inner}",
        f"aws/organizational_unit/aws:{elsewhere}",
    }
    for one in grants:
        assert one.key == f"{one.principal}|service_control_policy|{own.native_id}"
        assert (one.scope, one.kind, one.document) == (scope, own.kind, own.document)
    everywhere = {one.principal for one in found.of(POLICIES, Grant) if one.kind == "resource_control_policy"}
    assert len(everywhere) == 8
    assert found.settings() == {
        "organization.service_control_policies": 1,
        "organization.resource_control_policies": 1,
    }


def test_a_type_that_is_not_enabled_is_a_fact() -> None:
    with simulated(world()) as reading:
        found = reading.read(HOME)[reading.org]
    assert found.state(POLICIES) == "complete"
    assert found.settings()["organization.resource_control_policies"] == 0
    assert {one.kind for one in found.of(POLICIES, Grant)} == {"service_control_policy"}


@pytest.mark.parametrize("empty_pages", [0, 1, 2])
@pytest.mark.parametrize("more", [0, 25])
def test_the_calls_of_the_organisation_are_counted_by_a_formula(empty_pages: int, more: int) -> None:
    crowd = tuple(f"33{number:010d}" for number in range(45))
    policies = tuple(OrganizationPolicy(f"more-{number}", ALLOW_ALL, (ROOT,)) for number in range(more))
    given = world(units=(Unit("outer", (MEMBER,), units=(Unit("inner", (DEEP,)),)), Unit("crowd", crowd)), policies=())
    assert given.organization is not None
    organization = Organization(**{**vars(given.organization), "policies": policies})
    with simulated(World(given.accounts, given.caller, organization), empty_pages=2 if empty_pages else 0) as reading:
        read = reading.read(MEMBER, DEEP)
        calls = reading.aws.calls.by_action(HOME)
        targets = 1 + 3 + 45 + 3
        pages = ceil((1 + more) / 20) + 1 + 1  # SCPs and RCPs, and the roots
        target_pages = ceil(targets / 20) + more + 1  # of FullAWSAccess, of each of the others, of RCPFullAWSAccess
        assert read[reading.org].state(POLICIES) == "complete"
        assert len(read[reading.org].of(POLICIES, Grant)) == targets + more
    organization_calls = {
        name.partition(":")[2]: count for name, count in calls.items() if name.startswith("organizations:")
    }
    if not empty_pages:
        assert organization_calls == {
            "DescribeOrganization": 1,
            "ListParents": 2 + 2,
            "ListRoots": 1,
            "ListPolicies": pages - 1,
            "DescribePolicy": 1 + more + 1,
            "ListTargetsForPolicy": target_pages,
        }
    assert len(read[reading.org].calls) + len(reading.session_calls) - 1 == sum(organization_calls.values())


def test_the_transcript_knows_pages_and_their_end() -> None:
    with simulated(world(units=(Unit("crowd", tuple(f"33{n:010d}" for n in range(45))),), policies=())) as reading:
        found = reading.read(HOME)[reading.org]
    calls = [call for call in found.calls if '"p-FullAWSAccess"' in call.parameters and "List" in call.operation]
    assert sorted((call.service, call.page, call.items, call.end_of_list) for call in calls) == [
        ("organizations", 1, 20, 0),
        ("organizations", 2, 20, 0),
        ("organizations", 3, 10, 1),
    ]


@pytest.mark.parametrize("operation", ["ListRoots", "ListPolicies", "DescribePolicy", "ListTargetsForPolicy"])
def test_each_denied_call_is_told_by_its_own_name(operation: str) -> None:
    with simulated(world()) as reading:
        reading.aws.faults.deny(f"organizations:{operation}")
        read = reading.read(HOME, MEMBER)
    row = read[reading.org].coverage[POLICIES]
    assert row.state == ("denied" if operation == "ListRoots" else "partial")
    assert (row.operation, row.permission) == (f"organizations:{operation}",) * 2
    assert read[reading.org].state(PARENTS) == "complete"


def test_a_denial_of_iam_list_policies_is_not_taken_for_that_of_organizations() -> None:
    with simulated(world()) as reading:
        reading.aws.faults.deny("iam:GetAccountAuthorizationDetails")
        reading.aws.faults.deny("iam:ListPolicies")
        row = reading.read()[HOME].coverage["iam.entities"]
    assert (row.state, row.permission) == ("partial", "iam:ListPolicies")


def test_throttling_is_retried_and_told_when_it_does_not_end() -> None:
    with simulated(world(), attempts=3) as reading:
        reading.aws.faults.throttle("organizations:ListPolicies", burst=0)
        row = reading.read(HOME)[reading.org].coverage[POLICIES]
    assert row.state == "partial"
    assert row.message is not None
    assert "throttled, given up after 3 attempts" in row.message


def test_a_policy_that_goes_while_it_is_read_is_left_out() -> None:
    with simulated(world()) as reading:
        state = reading.aws.organization
        gone = state.policies.pop(state.policy("no-buckets").id)
        state.policies = _Fading(state.policies, gone)
        found = reading.read(HOME)[reading.org]
    assert found.state(POLICIES) == "complete"
    assert "no-buckets" not in {one.name for one in found.of(POLICIES, Policy)}
    assert len(asked(found.calls, "DescribePolicy")) == 4


class _Fading(dict[str, organizations.Policy]):
    """Policies of which one is listed and then not there."""

    def __init__(self, policies: Mapping[str, organizations.Policy], gone: organizations.Policy) -> None:
        super().__init__(policies)
        self.gone = gone

    def values(self) -> Any:
        return [*super().values(), self.gone]


# --- use of services ---


def busy(people: int = 0) -> World:
    made = NOW - 900 * DAY
    ann = User(
        "ann",
        made,
        "/people/",
        keys=(Key(made, used=Use(NOW - 3 * DAY, "s3")),),
        inline={"own": {"Statement": [{"Effect": "Allow", "Action": ["s3:*", "sqs:*"], "Resource": "*"}]}},
        accessed=(Access("s3", NOW - 9 * DAY, {"CreateBucket": NOW - 40 * DAY}), Access("sqs", NOW - 500 * DAY)),
    )
    crowd = tuple(User(f"user-{number:03d}", made, inline={"all": ALLOW_ALL}) for number in range(people))
    role = Role("task", made, trust(service="ec2.amazonaws.com"), instance_profile=True)
    return World((Account(HOME, 0, users=(ann, *crowd), roles=(role,)),))


def test_services_and_tracked_actions_are_rows_used_or_not() -> None:
    with simulated(busy()) as reading:
        read = reading.read(last_accessed=True)[HOME]
    (ann,) = [one for one in read.of(DETAILS, Identity) if one.name == "ann"]
    uses = {(one.service, one.action): one for one in read.of(USES, AccessUse)}
    assert {name: one.used_at for name, one in uses.items()} == {
        ("s3", None): NOW - 3 * DAY,
        ("s3", "s3:createbucket"): NOW - 40 * DAY,
        ("s3", "s3:deletebucket"): None,
        ("s3", "s3:listallmybuckets"): None,
        ("s3", "s3:putbucketpolicy"): None,
        ("sqs", None): None,
    }
    assert {(one.trailing_days, one.known_since, one.identity, one.scope) for one in uses.values()} == {
        (400, None, ann.key, f"aws/account/aws:{HOME}")
    }
    assert uses["s3", None].key == f"{ann.key}|s3"
    assert uses["s3", "s3:deletebucket"].key == f"{ann.key}|s3|s3:deletebucket"
    assert read.state(USES) == "complete"


def test_it_is_not_asked_for_unless_it_is_wanted() -> None:
    with simulated(busy()) as reading:
        read = reading.read()[HOME]
        assert USES not in read.coverage
        assert not [one for one in reading.aws.calls.by_action() if "LastAccessed" in one and "Service" in one]


@pytest.mark.parametrize("polls", [0, 1, 3])
def test_reports_are_started_in_batches_awaited_and_counted(polls: int) -> None:
    with simulated(busy(people=70), job_polls=polls) as reading:
        read = reading.read(last_accessed=True)[HOME]
        calls = reading.aws.calls.by_action()
    identities = 72
    assert calls["iam:GenerateServiceLastAccessedDetails"] == identities
    assert calls["iam:GetServiceLastAccessedDetails"] == identities * (1 + polls)
    assert reading.slept == [1.0, *[1.0, 2.0, 4.0][:polls] * 2]  # the first is for the credential report
    assert read.state(USES) == "complete"
    assert len({one.identity for one in read.of(USES, AccessUse)}) == 71, "the role may call nothing"


def test_a_report_that_never_comes_is_a_gap() -> None:
    with simulated(busy(), job_polls=99) as reading:
        row = reading.read(last_accessed=True)[HOME].coverage[USES]
    assert (row.state, row.code) == ("failed", "LastAccessedNotGiven")
    assert row.message == "the service last accessed data of ann was not ready after it was asked for 10 times"


@pytest.mark.parametrize("operation", ["Generate", "Get"])
def test_a_denied_report_is_a_gap_that_names_the_permission(operation: str) -> None:
    with simulated(busy()) as reading:
        reading.aws.faults.deny(f"iam:{operation}ServiceLastAccessedDetails")
        row = reading.read(last_accessed=True)[HOME].coverage[USES]
    assert (row.state, row.permission) == ("denied", f"iam:{operation}ServiceLastAccessedDetails")


def test_throttled_reports_end_as_a_gap_and_what_came_stays() -> None:
    with simulated(busy(people=60), attempts=2) as reading:
        reading.aws.faults.throttle("iam:GenerateServiceLastAccessedDetails", burst=55)
        read = reading.read(last_accessed=True)[HOME]
    row = read.coverage[USES]
    assert row.state == "partial"
    assert row.message is not None
    assert "throttled, given up after 2 attempts" in row.message
    assert len({one.identity for one in read.of(USES, AccessUse)}) == 50


# --- instance profiles ---


def test_instance_profiles_are_names_of_their_role_on_both_paths() -> None:
    with simulated(busy()) as reading:
        bulk = reading.read()[HOME]
        reading.aws.faults.deny("iam:GetAccountAuthorizationDetails")
        single = reading.read()[HOME]
        assert reading.aws.calls.of("iam:ListInstanceProfiles") == 1
    (role,) = [one for one in bulk.of(DETAILS, Identity) if one.name == "task"]
    found = [one for one in bulk.of(DETAILS, Alias) if one.kind == "instance_profile"]
    arn = f"arn:aws:iam::{HOME}:instance-profile/task"
    assert [(one.identity, one.value, one.key) for one in found] == [
        (role.key, arn, f"{role.key}|instance_profile|{arn}")
    ]
    others = [one._replace(source=DETAILS) for one in single.of("iam.entities", Alias)]
    assert {*others} == {*bulk.of(DETAILS, Alias)}
