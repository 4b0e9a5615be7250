"""Source ``iam.entities``: what the authorization details give, entity by entity, where they cannot be read.

It builds the shape of GetAccountAuthorizationDetails and shares its reading of it. About three calls for each user,
role and group and one for each policy. ListUsers leaves tags and boundaries out, ListRoles also the last use: GetUser
and GetRole give them. Members come from GetGroup, one call a group instead of one a user; instance profiles from one
list of the account.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from nhiscan.connector import Reader
from nhiscan.model import Record
from nhiscan_aws.account import Account
from nhiscan_aws.fanout import ask_each
from nhiscan_aws.pages import pages
from nhiscan_aws.sources.details import Entity, records

ENTITIES = "iam.entities"
PERMISSIONS = (
    "iam:GetGroup",
    "iam:GetGroupPolicy",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:GetUser",
    "iam:GetUserPolicy",
    "iam:ListAttachedGroupPolicies",
    "iam:ListAttachedRolePolicies",
    "iam:ListAttachedUserPolicies",
    "iam:ListGroupPolicies",
    "iam:ListGroups",
    "iam:ListInstanceProfiles",
    "iam:ListPolicies",
    "iam:ListRolePolicies",
    "iam:ListRoles",
    "iam:ListUserPolicies",
    "iam:ListUsers",
)
_LISTS = {"User": "UserDetailList", "Group": "GroupDetailList", "Role": "RoleDetailList"}
Shape = dict[str, Any]


def run(account: Account, reader: Reader) -> Iterator[Record]:
    """The records of the authorization details, with ``source`` as the only difference."""
    del reader
    yield from records(account, _walk(account), ENTITIES)


def _walk(account: Account) -> Iterator[Entity]:
    groups = [group for group in _detailed(account, "Group", _group) if group is not None]
    member_of: dict[str, list[str]] = {}
    used: set[str] = set()
    for group in groups:
        used.update(_uses(group))
        for member in group.pop("Members"):
            member_of.setdefault(member, []).append(group["GroupName"])
    for user in _detailed(account, "User", _plain("User")):
        if user is not None:
            used.update(_uses(user))
            yield _LISTS["User"], {**user, "GroupList": sorted(member_of.get(user["UserId"], ()))}
    for group in groups:
        yield _LISTS["Group"], group
    profiles: dict[str, list[Shape]] = {}
    for profile in _pages(account, "list_instance_profiles", "InstanceProfiles"):
        for role in profile["Roles"]:
            profiles.setdefault(role["RoleId"], []).append(profile)
    for found in _detailed(account, "Role", _plain("Role")):
        if found is not None:
            used.update(_uses(found))
            yield _LISTS["Role"], {**found, "InstanceProfileList": profiles.get(found["RoleId"], [])}
    yield from _policies(account, used)


def _pages(account: Account, operation: str, section: str, **parameters: Any) -> Iterator[Any]:
    for page in pages(account.iam, operation, **parameters):
        yield from page[section]


def _detailed(account: Account, kind: str, get: Callable[[Account, str], Shape]) -> Iterator[Shape | None]:
    """Each entity of a kind with its policies; None for one that is gone by now."""
    lower = kind.lower()

    def question(name: str) -> Shape | None:
        try:
            return {**get(account, name), **_granted(account, kind, name)}
        except account.iam.exceptions.NoSuchEntityException:
            return None

    names = [entity[f"{kind}Name"] for entity in _pages(account, f"list_{lower}s", f"{kind}s")]
    for _, found in ask_each(account.context, question, names):
        yield found


def _plain(kind: str) -> Callable[[Account, str], Shape]:
    """GetUser or GetRole."""

    def get(account: Account, name: str) -> Shape:
        call: Callable[..., Mapping[str, Any]] = getattr(account.iam, f"get_{kind.lower()}")
        return dict(call(**{f"{kind}Name": name})[kind])

    return get


def _group(account: Account, name: str) -> Shape:
    """GetGroup gives the members too, page by page."""
    group: Shape = {}
    members: list[str] = []
    for page in pages(account.iam, "get_group", GroupName=name):
        group = dict(page["Group"])
        members.extend(user["UserId"] for user in page["Users"])
    return {**group, "Members": members}


def _granted(account: Account, kind: str, name: str) -> Shape:
    lower = kind.lower()
    who = {f"{kind}Name": name}
    read: Callable[..., Mapping[str, Any]] = getattr(account.iam, f"get_{lower}_policy")
    inline = []
    for policy in _pages(account, f"list_{lower}_policies", "PolicyNames", **who):
        try:
            inline.append({"PolicyName": policy, "PolicyDocument": read(**who, PolicyName=policy)["PolicyDocument"]})
        except account.iam.exceptions.NoSuchEntityException:
            continue  # this policy is gone by now, not who had it
    attached = list(_pages(account, f"list_attached_{lower}_policies", "AttachedPolicies", **who))
    return {f"{kind}PolicyList": inline, "AttachedManagedPolicies": attached}


def _policies(account: Account, used: Iterable[str]) -> Iterator[Entity]:
    """All policies of the account, and those of AWS that are attached or used as a boundary (``used``: their ARNs)."""
    own = list(_pages(account, "list_policies", "Policies", Scope="Local"))
    listed = {policy["Arn"] for policy in own}

    def question(policy: Shape) -> Shape | None:
        try:
            whole = (
                policy if "DefaultVersionId" in policy else account.iam.get_policy(PolicyArn=policy["Arn"])["Policy"]
            )
        except account.iam.exceptions.NoSuchEntityException:
            return None
        version = whole["DefaultVersionId"]
        try:
            answer = account.iam.get_policy_version(PolicyArn=whole["Arn"], VersionId=version)
            document = answer["PolicyVersion"].get("Document")
        except account.iam.exceptions.NoSuchEntityException:
            document = None  # another version is the default by now: what this policy says is not known
        return {**whole, "PolicyVersionList": [{"VersionId": version, "IsDefaultVersion": True, "Document": document}]}

    asked: list[Shape] = [*own, *({"Arn": arn} for arn in sorted(set(used) - listed))]
    for _, policy in ask_each(account.context, question, asked):
        if policy is not None:
            yield "Policies", policy


def _uses(entity: Mapping[str, Any]) -> Iterator[str]:
    """ARNs of the managed policies that an entity refers to."""
    for policy in entity["AttachedManagedPolicies"]:
        yield policy["PolicyArn"]
    if boundary := entity.get("PermissionsBoundary"):
        yield boundary["PermissionsBoundaryArn"]
