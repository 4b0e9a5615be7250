"""The sources that ask Microsoft Graph. All run on the tenant.

A source names the permissions that it needs beside those of what it reads, and what it rests on.
"""

from collections.abc import Iterable

from nhiscan.connector import Settings, Source
from nhiscan_azure.later import later

TENANT = frozenset({"tenant"})
UPPER = TENANT | {"management_group"}
APPLICATION, DIRECTORY = ("Application.Read.All",), ("Directory.Read.All",)
ROLES, POLICY, REPORTS = ("RoleManagement.Read.Directory",), ("Policy.Read.All",), ("AuditLog.Read.All",)
_APPLICATIONS, _DEFINITIONS, _PRINCIPALS = "graph.applications", "graph.directory-roles", "graph.principals"


def _source(
    name: str,
    run: tuple[str, str],
    permissions: tuple[str, ...],
    about: str,
    *,
    lists: Iterable[str] = (),
    adds: Iterable[str] = (),
    reads: tuple[str, ...] = (),
) -> Source:
    return Source(
        id=f"graph.{name}",
        run=later(*run),
        lists=frozenset(lists),
        adds=frozenset(adds),
        reads=reads,
        permissions=permissions,
        about=about,
        on=TENANT,
    )


def graph_sources(settings: Settings, assignments: tuple[str, ...] = ()) -> tuple[Source, ...]:
    """In the order in which they run. ``assignments`` are the sources that tell who holds roles of Azure."""
    found = [
        _source(
            "organization",
            ("organization", "run"),
            DIRECTORY,
            "name, domains and licences of the tenant, asked while the scan was planned",
            lists=("setting:tenant",),
        ),
        _source(
            "applications",
            ("applications", "run"),
            APPLICATION,
            "applications and service principals with their secrets and certificates, by pages of 999; both counted",
            lists=(
                *("identity:application", "identity:service_principal", "identity:managed_identity"),
                *("alias:app_id", "alias:resource_id", "relation:instance_of", "policy:app_role"),
                *("credential:client_secret", "credential:client_certificate"),
                *("credential:token_certificate", "credential:system_managed_key"),
            ),
            adds=(
                *("identity:service_principal.publisher", "identity:service_principal.publisher_verified"),
                *("identity:application.audience", "identity:service_principal.audience"),
                *("credential:client_secret.expires_at", "credential:client_certificate.expires_at"),
                "credential:client_certificate.fingerprint",
            ),
        ),
        _source(
            "federated-credentials",
            ("federation", "run"),
            (),
            "federated credentials of applications, twenty applications a call",
            lists=("credential:federated_credential",),
            adds=("credential:federated_credential.restrictions",),
            reads=(_APPLICATIONS,),
        ),
        _source(
            "owners",
            ("owners", "run"),
            (),
            "owners of applications and of the tenant's own service principals, twenty a call",
            lists=("relation:owned_by",),
            reads=(_APPLICATIONS,),
        ),
        _source(
            "app-role-assignments",
            ("consents", "run_roles"),
            (),
            "who holds application permissions, API by API",
            lists=("access_grant:app_role",),
            reads=(_APPLICATIONS,),
        ),
        _source(
            "delegated-grants",
            ("consents", "run_grants"),
            DIRECTORY,
            "what applications may do for every user, by the consent of an administrator",
            lists=("access_grant:delegated_permission",),
        ),
        _source(
            "directory-roles",
            ("roles", "run_definitions"),
            ROLES,
            "roles over the directory and what they allow",
            lists=("policy:directory_role",),
            adds=("policy:directory_role.document",),
        ),
        _source(
            "directory-role-assignments",
            ("roles", "run_assignments"),
            (),
            "who holds roles over the directory now",
            lists=("access_grant:directory_role",),
            reads=(_DEFINITIONS,),
        ),
    ]
    if not settings.get("no-eligible-assignments"):
        found.append(
            _source(
                "eligible-directory-roles",
                ("roles", "run_eligible"),
                (),
                "who may activate a role over the directory; needs Entra ID P2",
                lists=("access_grant:eligible_assignment",),
                reads=(_DEFINITIONS,),
            )
        )
    found += [
        _source(
            "privileged-roles",
            ("roles", "run_privileged"),
            ROLES,
            "which roles over the directory Microsoft calls privileged (beta)",
            lists=("setting:privileged_role",),
        ),
        Source(
            id=_PRINCIPALS,
            run=later("holders"),
            lists=frozenset({"identity:user", "identity:group", "alias:email", "relation:member_of"}),
            adds=frozenset({"identity:user.state", "access_grant:role_assignment.principal"}),
            reads=assignments,
            about="users and groups that hold or own something, and all members of those groups",
            on=UPPER,
            spans=True,
        ),
        _source(
            "app-management-policy",
            ("policies", "run_secrets"),
            POLICY,
            "whether secrets may be added to applications, and how long they may live",
            lists=("setting:app_management_policy",),
        ),
        _source(
            "consent-policy",
            ("policies", "run_consent"),
            POLICY,
            "whether users may consent to applications and register some",
            lists=("setting:consent_policy",),
        ),
    ]
    if not settings.get("no-leave-dates"):
        found.append(
            _source(
                "leave-dates",
                ("holders", "run_leaving"),
                ("User-LifeCycleInfo.Read.All",),
                "the last day of those users, twenty a call",
                adds=("identity:user.leaves_at",),
                reads=(_PRINCIPALS,),
            )
        )
    if not settings.get("no-sign-in-activity"):
        found += [
            _source(
                "sign-in-activity",
                ("activity", "run_principals"),
                REPORTS,
                "last sign-in of service principals (beta); needs Entra ID P1",
                adds=("identity:service_principal.used_at", "identity:managed_identity.used_at"),
                reads=(_APPLICATIONS,),
            ),
            _source(
                "credential-activity",
                ("activity", "run_credentials"),
                REPORTS,
                "last sign-in with each secret and certificate (beta); needs Entra ID P1",
                adds=("credential:client_secret.used_at", "credential:client_certificate.used_at"),
                reads=(_APPLICATIONS,),
            ),
        ]
    if settings.get("agent-identities"):
        found.append(
            _source(
                "agent-identities",
                ("agents", "run"),
                ("AgentIdentity.Read.All",),
                "identities of AI agents and the blueprints that they were made from",
                lists=("relation:created_by",),
                adds=("identity:service_principal.path",),
                reads=(_APPLICATIONS,),
            )
        )
    return tuple(found)
