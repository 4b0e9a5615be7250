"""AWS Organizations: one organisation of the simulated accounts, who may read it, and its listings.

Own, and not moto's: moto gives pages of any size, everybody everything, and ids that change from run to run. Policies
are kept and shown; nothing that they deny is enforced on calls.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nhiscan_aws.simulated.ids import Ids
from nhiscan_aws.simulated.planting import text_of
from nhiscan_aws.simulated.wire import Refusal
from nhiscan_aws.simulated.world import (
    RESOURCE_CONTROL_POLICY,
    ROOT,
    SERVICE_CONTROL_POLICY,
    Organization,
    OrganizationPolicy,
    Unit,
    World,
)

PAGE = 20
"""The most that a page of Organizations shows, and what it shows when nothing else was asked for."""

FULL_ACCESS = {SERVICE_CONTROL_POLICY: "FullAWSAccess", RESOURCE_CONTROL_POLICY: "RCPFullAWSAccess"}
_DOCUMENTS: Mapping[str, Mapping[str, Any]] = {
    SERVICE_CONTROL_POLICY: {"Effect": "Allow", "Action": "*", "Resource": "*"},
    RESOURCE_CONTROL_POLICY: {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
}
Input = Mapping[str, Any]


@dataclass
class Node:
    """The root, a unit or an account. ``kind`` is ROOT, ORGANIZATIONAL_UNIT or ACCOUNT."""

    id: str
    kind: str
    name: str
    arn: str
    parent: str | None  # id


@dataclass(frozen=True)
class Policy:
    """A policy that exists, attached or not."""

    id: str
    arn: str
    name: str
    type: str
    content: str
    aws_managed: bool


@dataclass
class OrganizationState:
    """An organisation while it runs. The functions below it change it."""

    id: str
    arn: str
    partition: str
    management: str
    features: str
    ids: Ids
    empty_pages: int  # each n-th page of a walk is empty and names a next one (0: none)
    policy_types: set[str]
    delegated: set[str]
    nodes: dict[str, Node] = field(default_factory=dict)  # by id
    policies: dict[str, Policy] = field(default_factory=dict)  # by id
    attached: dict[str, set[str]] = field(default_factory=dict)  # id of a policy -> ids of its targets

    @property
    def root(self) -> Node:
        return next(node for node in self.nodes.values() if node.kind == "ROOT")

    def node(self, name: str) -> Node:
        """The root (`ROOT`), a unit by its name, an account by its id; KeyError when there is none."""
        for node in self.nodes.values():
            if name == (ROOT if node.kind == "ROOT" else node.id if node.kind == "ACCOUNT" else node.name):
                return node
        raise KeyError(name)

    def policy(self, name: str) -> Policy:
        """A policy by its name; KeyError when there is none."""
        for policy in self.policies.values():
            if policy.name == name:
                return policy
        raise KeyError(name)


def attach(state: OrganizationState, policy: str, target: str) -> None:
    """Attach a policy, by name, to a target as in `OrganizationPolicy.targets`."""
    state.attached[state.policy(policy).id].add(state.node(target).id)


def detach(state: OrganizationState, policy: str, target: str) -> None:
    """Take a policy off a target. KeyError where it is not attached."""
    state.attached[state.policy(policy).id].remove(state.node(target).id)


def move(state: OrganizationState, account: str, to: str) -> None:
    """Put an account into a unit, by name, or into the root."""
    state.node(account).parent = state.node(to).id


def leave(state: OrganizationState, account: str) -> None:
    """An account is no member any more."""
    del state.nodes[account]
    for targets in state.attached.values():
        targets.discard(account)


def enable(state: OrganizationState, policy_type: str) -> None:
    """Enable a type of policies: AWS's own policy that allows everything is attached everywhere."""
    state.policy_types.add(policy_type)
    full = state.policy(FULL_ACCESS[policy_type])
    state.attached[full.id] = set(state.nodes)


def disable(state: OrganizationState, policy_type: str) -> None:
    """Disable a type: its policies stay and are attached to nothing."""
    state.policy_types.discard(policy_type)
    for policy in state.policies.values():
        if policy.type == policy_type:
            state.attached[policy.id].clear()


def plant_policy(state: OrganizationState, spec: OrganizationPolicy) -> None:
    """A policy with its targets."""
    kind = spec.type.lower()
    policy_id = f"p-{_letters(state.ids, state.id, spec.type, spec.name, length=8)}"
    state.policies[policy_id] = Policy(
        policy_id,
        f"{_prefix(state)}:policy/{state.id}/{kind}/{policy_id}",
        spec.name,
        spec.type,
        text_of(spec.document),
        aws_managed=False,
    )
    state.attached[policy_id] = {state.node(target).id for target in spec.targets}


def new_organization(world: World, ids: Ids, *, empty_pages: int) -> OrganizationState | None:
    """The organisation of a world, filled. ValueError where its declaration does not fit the world."""
    spec = world.organization
    if spec is None:
        return None
    members = _members(world, spec)
    partition = next((one.partition for one in world.accounts if one.id == spec.management), "aws")
    org_id = f"o-{_letters(ids, spec.management, 'organization', length=10)}"
    arn = f"arn:{partition}:organizations::{spec.management}:organization/{org_id}"
    state = OrganizationState(
        org_id, arn, partition, spec.management, spec.features, ids, empty_pages, set(), set(spec.delegated)
    )
    short = _letters(ids, org_id, ROOT, length=4)
    root_id = f"r-{short}"
    state.nodes[root_id] = Node(root_id, "ROOT", "Root", f"{_prefix(state)}:root/{org_id}/{root_id}", None)
    for account in sorted(members):
        name = next((one.name for one in world.accounts if one.id == account), "") or account
        place = f"{_prefix(state)}:account/{org_id}/{account}"
        state.nodes[account] = Node(account, "ACCOUNT", name, place, root_id)
    for unit in spec.units:
        _plant_unit(state, short, unit, root_id)
    _plant_full_access(state, spec)
    for policy in spec.policies:
        plant_policy(state, policy)
    return state


def _members(world: World, spec: Organization) -> set[str]:
    names = [unit.name for unit in _units(spec.units)]
    placed = [account for unit in _units(spec.units) for account in unit.accounts]
    members = {account.id for account in world.accounts} - set(spec.outside) | set(placed)
    if len(names) != len(set(names)) or ROOT in names:
        raise ValueError("units need names that are unique, and none of them is the root")
    if len(placed) != len(set(placed)):
        raise ValueError("an account stands in two units")
    if foreign := {spec.management, *spec.delegated} - members:
        raise ValueError(f"{', '.join(sorted(foreign))} is no account of the organisation")
    return members


def _units(units: Iterable[Unit]) -> Iterator[Unit]:
    for unit in units:
        yield unit
        yield from _units(unit.units)


def _plant_unit(state: OrganizationState, short: str, unit: Unit, parent: str) -> None:
    unit_id = f"ou-{short}-{_letters(state.ids, state.id, 'unit', unit.name, length=8)}"
    arn = f"{_prefix(state)}:ou/{state.id}/{unit_id}"
    state.nodes[unit_id] = Node(unit_id, "ORGANIZATIONAL_UNIT", unit.name, arn, parent)
    for account in unit.accounts:
        state.nodes[account].parent = unit_id
    for below in unit.units:
        _plant_unit(state, short, below, unit_id)


def _plant_full_access(state: OrganizationState, spec: Organization) -> None:
    """AWS's own policies are there whether their type is enabled or not."""
    for kind, name in FULL_ACCESS.items():
        policy_id = f"p-{name}"
        arn = f"arn:{state.partition}:organizations::aws:policy/{kind.lower()}/{policy_id}"
        content = json.dumps({"Version": "2012-10-17", "Statement": [_DOCUMENTS[kind]]})
        state.policies[policy_id] = Policy(policy_id, arn, name, kind, content, aws_managed=True)
        state.attached[policy_id] = set()
        if kind in spec.policy_types:
            enable(state, kind)
    for target in spec.without_full_access:
        detach(state, FULL_ACCESS[SERVICE_CONTROL_POLICY], target)


# --- answers ---


def answer(state: OrganizationState | None, account: str, operation: str, body: Input) -> dict[str, Any]:
    """What an account is answered. KeyError for an operation that is not simulated.

    Every member may describe the organisation. The rest is for the management account and delegated administrators.
    """
    handler = _HANDLERS[operation]
    if state is None or account not in state.nodes:
        raise Refusal("AWSOrganizationsNotInUseException", 400, "Your account is not a member of an organization.")
    if operation != "DescribeOrganization" and account not in (state.management, *state.delegated):
        raise Refusal("AccessDeniedException", 400, "You don't have permissions to access this resource.")
    return handler(state, body)


def _describe_organization(state: OrganizationState, body: Input) -> dict[str, Any]:
    del body
    types = [{"Type": SERVICE_CONTROL_POLICY, "Status": "ENABLED"}] if state.features == "ALL" else []
    return {
        "Organization": {
            "Id": state.id,
            "Arn": state.arn,
            "FeatureSet": state.features,
            "MasterAccountArn": state.nodes[state.management].arn,
            "MasterAccountId": state.management,
            "MasterAccountEmail": f"{state.management}@example.com",
            "AvailablePolicyTypes": types,  # AWS: "don't use"; it does not follow what is enabled
        }
    }


def _list_roots(state: OrganizationState, body: Input) -> dict[str, Any]:
    types = [{"Type": name, "Status": "ENABLED"} for name in sorted(state.policy_types)]
    root = state.root
    shown = {"Id": root.id, "Arn": root.arn, "Name": root.name, "PolicyTypes": types}
    return _page(state, "ListRoots", body, "Roots", [shown])


def _list_parents(state: OrganizationState, body: Input) -> dict[str, Any]:
    child = _need(body, "ChildId")
    node = state.nodes.get(child)
    if node is None or node.parent is None:
        raise Refusal(
            "ChildNotFoundException",
            400,
            "We can't find an organizational unit (OU) or AWS account with the ChildId that you specified.",
        )
    parent = state.nodes[node.parent]
    return _page(state, f"ListParents {child}", body, "Parents", [{"Id": parent.id, "Type": parent.kind}])


def _list_policies(state: OrganizationState, body: Input) -> dict[str, Any]:
    kind = _need(body, "Filter")
    policies = [_summary(one) for one in state.policies.values() if one.type == kind]
    return _page(state, f"ListPolicies {kind}", body, "Policies", policies)


def _describe_policy(state: OrganizationState, body: Input) -> dict[str, Any]:
    policy = _policy(state, body)
    return {"Policy": {"PolicySummary": _summary(policy), "Content": policy.content}}


def _list_targets_for_policy(state: OrganizationState, body: Input) -> dict[str, Any]:
    policy = _policy(state, body)
    targets = [
        {"TargetId": node.id, "Arn": node.arn, "Name": node.name, "Type": node.kind}
        for node in map(state.nodes.__getitem__, state.attached[policy.id])
    ]
    return _page(state, f"ListTargetsForPolicy {policy.id}", body, "Targets", targets)


_HANDLERS: Mapping[str, Callable[[OrganizationState, Input], dict[str, Any]]] = {
    "DescribeOrganization": _describe_organization,
    "DescribePolicy": _describe_policy,
    "ListParents": _list_parents,
    "ListPolicies": _list_policies,
    "ListRoots": _list_roots,
    "ListTargetsForPolicy": _list_targets_for_policy,
}
SIMULATED = frozenset(_HANDLERS)
"""Operations that are answered."""


def _summary(policy: Policy) -> dict[str, Any]:
    return {
        "Id": policy.id,
        "Arn": policy.arn,
        "Name": policy.name,
        "Description": "",
        "Type": policy.type,
        "AwsManaged": policy.aws_managed,
    }


def _policy(state: OrganizationState, body: Input) -> Policy:
    policy = state.policies.get(_need(body, "PolicyId"))
    if policy is None:
        raise Refusal("PolicyNotFoundException", 400, "We can't find a policy with the PolicyId that you specified.")
    return policy


def _page(
    state: OrganizationState, walk: str, body: Input, name: str, items: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """A page in the order of ids. A token holds on to a place, and belongs to its walk."""
    size = int(body.get("MaxResults", PAGE))
    if not 1 <= size <= PAGE:
        raise _invalid(f"MaxResults is {size}: you provided a value outside of 1 to {PAGE}.")
    after, number = _unpack(state, walk, body.get("NextToken"))
    rest = sorted((item for item in items if _id(item) > after), key=_id)
    empty = state.empty_pages and (number + 1) % state.empty_pages == 0
    shown = [] if empty else rest[:size]
    page: dict[str, Any] = {name: shown}
    if empty or len(shown) < len(rest):
        page["NextToken"] = _pack(state, walk, _id(shown[-1]) if shown else after, number + 1)
    return page


def _id(item: Mapping[str, Any]) -> str:
    return str(item.get("Id") or item["TargetId"])


def _pack(state: OrganizationState, walk: str, after: str, number: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([_digest(state, walk), after, number]).encode()).decode()


def _unpack(state: OrganizationState, walk: str, token: Any) -> tuple[str, int]:
    if token is None:
        return "", 0
    try:
        digest, after, number = json.loads(base64.urlsafe_b64decode(str(token).encode()))
    except ValueError:
        raise _invalid("You provided a NextToken that is not valid.") from None
    if digest != _digest(state, walk):
        raise _invalid("You provided a NextToken that belongs to another request.")
    return str(after), int(number)


def _digest(state: OrganizationState, walk: str) -> str:
    return hashlib.sha256(state.ids.order("token", state.id, walk).encode()).hexdigest()[:16]


def _need(body: Input, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise _invalid(f"{name} is missing.")
    return value


def _invalid(message: str) -> Refusal:
    return Refusal("InvalidInputException", 400, message)


def _prefix(state: OrganizationState) -> str:
    return f"arn:{state.partition}:organizations::{state.management}"


def _letters(ids: Ids, *parts: object, length: int) -> str:
    return ids.order("organizations", *parts)[:length]
