"""What the connector reads: its sources, without the SDK."""

from nhiscan.connector import Settings, Source
from nhiscan_aws.sources import entities, keys, lastaccessed, logins, organizations, passwordpolicy, report, summary
from nhiscan_aws.sources.details import DETAILS
from nhiscan_aws.sources.details import run as details

_ENTITIES = frozenset(
    {
        "identity:user",
        "identity:group",
        "identity:role",
        "alias",
        "relation:member_of",
        "access_grant:attached_policy",
        "access_grant:inline_policy",
        "access_grant:permissions_boundary",
        "policy:customer_policy",
        "policy:provider_policy",
    }
)
_ENTITY_FACTS = frozenset(
    {"identity:user.tags", "identity:role.tags", "identity:role.used_at", "identity:role.trust_document"}
)
_KEYS = frozenset({"credential:access_key"})
_KEY_FACTS = frozenset({"credential:access_key.used_at"})

_SUMMARY = Source(
    id=summary.SUMMARY,
    run=summary.run,
    lists=frozenset({"setting:account"}),
    permissions=("iam:GetAccountSummary",),
    about="independent counts of users, groups, roles and policies, and the flags of the root identity",
)
_PASSWORD_POLICY = Source(
    id=passwordpolicy.PASSWORD_POLICY,
    run=passwordpolicy.run,
    lists=frozenset({"setting:password_policy"}),
    permissions=("iam:GetAccountPasswordPolicy",),
    about="password policy of the account; that there is none is an answer",
)
_DETAILS = Source(
    id=DETAILS,
    run=details,
    lists=_ENTITIES,
    adds=_ENTITY_FACTS,
    permissions=("iam:GetAccountAuthorizationDetails",),
    about="users, groups, roles, policies, grants, boundaries, trust documents, tags and last use of roles, in bulk",
)
_ONE_BY_ONE = Source(
    id=entities.ENTITIES,
    run=entities.run,
    lists=_ENTITIES,
    adds=_ENTITY_FACTS,
    fallback_for=DETAILS,
    permissions=entities.PERMISSIONS,
    about="the same, entity by entity: about three calls for each user, role, group and policy",
)
_MEMBERSHIP = Source(
    id=organizations.MEMBERSHIP,
    run=organizations.membership,
    lists=frozenset({"setting:organization"}),
    permissions=("organizations:DescribeOrganization",),
    about="the organisation that the account belongs to, and its management account; that there is none is an answer",
)
_ORGANIZATION = frozenset({"organization"})
_PARENTS = Source(
    id=organizations.PARENTS,
    run=organizations.parents,
    adds=frozenset({"scope:account.parent", "scope:organizational_unit.parent"}),
    permissions=("organizations:ListParents",),
    about="the units between the planned accounts and the root: one call for each account and each unit",
    on=_ORGANIZATION,
)
_POLICIES = Source(
    id=organizations.POLICIES,
    run=organizations.policies,
    lists=frozenset(
        {
            "setting:organization",
            "policy:service_control_policy",
            "policy:resource_control_policy",
            "access_grant:service_control_policy",
            "access_grant:resource_control_policy",
        }
    ),
    permissions=(
        "organizations:DescribePolicy",
        "organizations:ListPolicies",
        "organizations:ListRoots",
        "organizations:ListTargetsForPolicy",
    ),
    about="service and resource control policies with their texts and targets: at least two calls for each",
    on=_ORGANIZATION,
)
_LAST_ACCESSED = Source(
    id=lastaccessed.LAST_ACCESSED,
    run=lastaccessed.run,
    lists=frozenset({"access_use"}),
    reads=(DETAILS,),
    permissions=lastaccessed.PERMISSIONS,
    about="which services, and which of the actions that AWS tracks, users and roles may call and when they last did",
)
_REPORT_PERMISSIONS = ("iam:GenerateCredentialReport", "iam:GetCredentialReport")
_REPORT_LISTS = frozenset(
    {"identity:root", "credential:root_access_key", "credential:password", "credential:signing_certificate"}
)
_LOGIN_FACTS = frozenset({"identity:user.console_access", "identity:user.mfa", "credential:password.used_at"})
_REPORT_FACTS = _LOGIN_FACTS | {
    "identity:root.used_at",
    "identity:root.mfa",
    "identity:root.console_access",
    "credential:root_access_key.used_at",
    "credential:password.changed_at",
    "credential:password.expires_at",
}
_LOGINS = Source(
    id=logins.LOGINS,
    run=logins.run,
    lists=frozenset({"credential:password"}),
    adds=_LOGIN_FACTS,
    reads=(DETAILS,),
    fallback_for=report.REPORT,
    permissions=logins.PERMISSIONS,
    about="which users have a console password and MFA, and when the password was last used: two calls for each user; "
    "tells neither the age of passwords nor signing certificates nor anything about root",
)
_KEYS_OF_USERS = Source(
    id=keys.KEYS,
    run=keys.run,
    lists=_KEYS,
    adds=_KEY_FACTS,
    reads=(DETAILS, report.REPORT),
    permissions=("iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"),
    about="ids of access keys, asked only of users whom the credential report shows with one; last use from the report",
)
_KEYS_PER_USER = Source(
    id=keys.KEYS_PER_USER,
    run=keys.run_per_user,
    lists=_KEYS,
    adds=_KEY_FACTS,
    reads=(DETAILS,),
    fallback_for=keys.KEYS,
    permissions=("iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"),
    about="access keys without the credential report: one call for each user and one for each key",
)


def sources(settings: Settings) -> tuple[Source, ...]:
    """The sources planned under these settings, in the order in which they run.

    The summary comes first: what is made between it and the listings is then in the listings, with its date.
    """
    with_ids = not settings.get("no-key-ids")
    credential_report = Source(
        id=report.REPORT,
        run=report.run if with_ids else report.run_with_slots,
        lists=_REPORT_LISTS if with_ids else _REPORT_LISTS | _KEYS,
        adds=_REPORT_FACTS if with_ids else _REPORT_FACTS | _KEY_FACTS,
        reads=(DETAILS,),
        permissions=_REPORT_PERMISSIONS,
        about="root, console passwords, MFA, signing certificates, age and last use of access keys, in one file that "
        "may be four hours old",
    )
    planned = [_SUMMARY, _PASSWORD_POLICY, _MEMBERSHIP, _DETAILS, _ONE_BY_ONE, credential_report, _LOGINS]
    if with_ids:
        planned += [_KEYS_OF_USERS, _KEYS_PER_USER]
    if settings.get("last-accessed"):
        planned.append(_LAST_ACCESSED)
    if settings.get("organization") != "no":
        planned += [_PARENTS, _POLICIES]
    return tuple(planned)
