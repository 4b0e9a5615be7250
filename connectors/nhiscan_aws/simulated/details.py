"""GetAccountAuthorizationDetails: one walk over users, groups, roles and policies, with one page budget for the
four.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from nhiscan_aws.simulated import stock
from nhiscan_aws.simulated.paging import budget, by_name, filters, pack, unpack
from nhiscan_aws.simulated.planting import encoded
from nhiscan_aws.simulated.state import AccountState
from nhiscan_aws.simulated.wire import Form

FILTERS = ("User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy")
SECTIONS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")


def get_account_authorization_details(state: AccountState, form: Form) -> dict[str, Any]:
    chosen = filters(form, FILTERS)
    size = form.page_size()
    walk = "details " + ",".join(sorted(chosen))
    start = unpack(state, walk, form.get("Marker"))
    (section, after), number = start or ((0, ""), 0)
    count = budget(state, size, number + 1)
    things = list(islice(_walk(state, chosen, int(section), str(after)), count + 1))
    shown, more = things[:count], len(things) > count
    result: dict[str, Any] = {name: [] for name in SECTIONS}
    makers = _makers(state)
    for place, thing in shown:
        result[SECTIONS[place]].append(makers[place](thing))
    result["IsTruncated"] = more
    if more:
        place, thing = shown[-1]
        result["Marker"] = pack(state, walk, [place, by_name(thing)], number + 1)
    return result


def _walk(state: AccountState, chosen: tuple[str, ...], section: int, after: str) -> Iterator[tuple[int, Any]]:
    """Things after a place, in order. Only the sections that are reached are sorted."""
    backend = state.backend
    for place in range(section, len(SECTIONS)):
        if place == 3:
            things = _policies(state, chosen)
        elif chosen and ("User", "Group", "Role")[place] not in chosen:
            continue
        else:
            things = list((backend.users, backend.groups, backend.roles)[place].values())
        for thing in sorted(things, key=by_name):
            if place > section or by_name(thing) > after:
                yield place, thing


def _policies(state: AccountState, chosen: tuple[str, ...]) -> list[Any]:
    """Customer-managed policies all; AWS-managed ones only when attached or used as a boundary."""
    bounds = state.boundary_counts()
    local = not chosen or "LocalManagedPolicy" in chosen
    provided = not chosen or "AWSManagedPolicy" in chosen
    things = []
    for arn, policy in state.backend.managed_policies.items():
        if ":iam::aws:" in arn:
            if provided and (policy.attachment_count > 0 or arn in bounds):
                things.append(policy)
        elif local:
            things.append(policy)
    return things


def _makers(state: AccountState) -> tuple[Callable[[Any], dict[str, Any]], ...]:
    groups = state.groups_of_users()
    profiles = state.instance_profiles()
    bounds = state.boundary_counts()
    tags = state.backend.tagger.tags

    def user(thing: Any) -> dict[str, Any]:
        detail = {
            "Path": thing.path,
            "UserName": thing.name,
            "UserId": thing.id,
            "Arn": thing.arn,
            "CreateDate": stock.epoch(thing.create_date),
            "UserPolicyList": _inline(thing) or None,
            "GroupList": groups.get(thing.id, []),
            "AttachedManagedPolicies": _attached(thing),
            "Tags": [{"Key": key, "Value": value or ""} for key, value in tags.get(thing.arn, {}).items()],
        }
        return detail | _boundary(state, thing)

    def group(thing: Any) -> dict[str, Any]:
        return {
            "Path": thing.path,
            "GroupName": thing.name,
            "GroupId": thing.id,
            "Arn": thing.arn,
            "CreateDate": stock.epoch(thing.create_date),
            "GroupPolicyList": _inline(thing),
            "AttachedManagedPolicies": _attached(thing),
        }

    def role(thing: Any) -> dict[str, Any]:
        detail = {
            "Path": thing.path,
            "RoleName": thing.name,
            "RoleId": thing.id,
            "Arn": thing.arn,
            "CreateDate": stock.epoch(thing.create_date),
            "AssumeRolePolicyDocument": encoded(thing.assume_role_policy_document),
            "InstanceProfileList": [profile(one) for one in profiles.get(thing.id, ())],
            "RolePolicyList": _inline(thing),
            "AttachedManagedPolicies": _attached(thing),
            "Tags": [dict(tag) for tag in thing.tags or ()],
            "RoleLastUsed": role_last_used(state, thing),
        }
        return detail | _boundary(state, thing)

    def policy(thing: Any) -> dict[str, Any]:
        return {
            "PolicyName": thing.name,
            "PolicyId": thing.id,
            "Arn": thing.arn,
            "Path": thing.path,
            "DefaultVersionId": thing.default_version_id,
            "AttachmentCount": thing.attachment_count,
            "PermissionsBoundaryUsageCount": bounds.get(thing.arn, 0),
            "IsAttachable": True,
            "CreateDate": stock.epoch(thing.create_date),
            "UpdateDate": stock.epoch(thing.update_date),
            "PolicyVersionList": [
                {
                    "Document": encoded(version.document),
                    "VersionId": version.version_id,
                    "IsDefaultVersion": version.is_default,
                    "CreateDate": stock.epoch(version.create_date),
                }
                for version in sorted(thing.versions, key=lambda version: -int(version.version_id.lstrip("v")))
            ],
        }

    return user, group, role, policy


def role_last_used(state: AccountState, role: Any) -> dict[str, Any]:
    """RoleLastUsed: empty for a role not used in the tracking period."""
    use = state.role_use(role)
    return {} if use is None else {"LastUsedDate": use.at, "Region": use.region}


def _inline(thing: Any) -> list[dict[str, str]]:
    return [{"PolicyName": name, "PolicyDocument": encoded(text)} for name, text in thing.policies.items()]


def _attached(thing: Any) -> list[dict[str, str]]:
    return [{"PolicyName": policy.name, "PolicyArn": policy.arn} for policy in thing.managed_policies.values()]


def _boundary(state: AccountState, thing: Any) -> dict[str, Any]:
    arn = state.boundary(thing)
    if arn is None:
        return {}
    return {"PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}}


def profile(one: Any) -> dict[str, Any]:
    """An instance profile as all listings show it."""
    return {
        "Path": one.path,
        "InstanceProfileName": one.name,
        "InstanceProfileId": one.id,
        "Arn": one.arn,
        "CreateDate": stock.epoch(one.create_date),
        "Roles": [
            {
                "Path": role.path,
                "RoleName": role.name,
                "RoleId": role.id,
                "Arn": role.arn,
                "CreateDate": stock.epoch(role.create_date),
                "AssumeRolePolicyDocument": encoded(role.assume_role_policy_document),
            }
            for role in one.roles
        ],
    }
