"""The sources that ask Resource Manager and Resource Graph."""

from nhiscan.connector import Settings, Source
from nhiscan_azure.later import later

UPPER = frozenset({"tenant", "management_group"})
EVERYWHERE = UPPER | {"subscription"}
BELOW = frozenset({"management_group", "subscription"})
GRAPH = "Microsoft.ResourceGraph/resources/read"
SIGHT = ("Microsoft.Authorization/permissions/read", "Microsoft.Resources/subscriptions/read")
RESOURCES, ASSIGNMENTS = "resourcegraph.resources", "resourcegraph.role-assignments"
_RESOURCE_TYPES = (
    "Microsoft.AppConfiguration/configurationStores",
    "Microsoft.Cache/redis",
    "Microsoft.CognitiveServices/accounts",
    "Microsoft.ContainerRegistry/registries",
    "Microsoft.ContainerService/managedClusters",
    "Microsoft.DocumentDB/databaseAccounts",
    "Microsoft.EventGrid/topics",
    "Microsoft.EventHub/namespaces",
    "Microsoft.KeyVault/vaults",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
    "Microsoft.Search/searchServices",
    "Microsoft.ServiceBus/namespaces",
    "Microsoft.SignalRService/signalR",
    "Microsoft.Storage/storageAccounts",
)
_ROLES, _GROUPS = "Microsoft.Authorization", "Microsoft.Management/managementGroups"


def _pair(  # one query for all below, and what stands in for it scope by scope
    module: str,
    ids: tuple[str, str],
    lists: frozenset[str],
    adds: frozenset[str],
    actions: tuple[str, ...],
    about: tuple[str, str],
    on: frozenset[str],
) -> tuple[Source, Source]:
    above = (GRAPH, *SIGHT, *actions)
    return (
        Source(ids[0], later(module), lists, adds, (), None, above, about[0], UPPER, spans=True),
        Source(ids[1], later(module, "run_each"), lists, adds, (), ids[0], actions, about[1], on),
    )


def arm_sources(settings: Settings) -> tuple[Source, ...]:
    """In the order in which they run."""
    found = [
        Source(
            id="arm.scopes",
            run=later("scopes"),
            lists=frozenset({"scope:subscription", "scope:management_group"}),
            permissions=(
                "Microsoft.Resources/subscriptions/read",
                f"{_GROUPS}/read",
                f"{_GROUPS}/descendants/read",
            ),
            about="management groups and subscriptions, as seen while the scan was planned",
            on=UPPER,
            spans=True,
        ),
        *_pair(
            "definitions",
            ("resourcegraph.role-definitions", "authorization.role-definitions"),
            frozenset({"policy:provider_policy", "policy:role_definition"}),
            frozenset(),
            (f"{_ROLES}/roleDefinitions/read",),
            (
                "role definitions, built-in and own; asks once for each scope what the caller may read there",
                "the same scope by scope",
            ),
            EVERYWHERE,
        ),
    ]
    eligible = not settings.get("no-eligible-assignments")
    if eligible:  # before the assignments: of two sources that say how one is limited, the first counts
        found.append(
            Source(
                id="authorization.active-assignments",
                run=later("schedules", "run_active"),
                adds=frozenset({"access_grant:role_assignment.condition"}),
                permissions=(f"{_ROLES}/roleAssignmentScheduleInstances/read",),
                about="role assignments that end or were activated: one call for each group and subscription",
                on=BELOW,
            )
        )
    found += _pair(
        "assignments",
        (ASSIGNMENTS, "authorization.role-assignments"),
        frozenset({"access_grant:role_assignment"}),
        frozenset(),
        (f"{_ROLES}/roleAssignments/read",),
        ("role assignments at every level, with their conditions", "the same scope by scope"),
        EVERYWHERE,
    )
    if not settings.get("no-second-count"):
        found.append(
            Source(
                id="authorization.role-assignments-again",
                run=later("assignments", "run_again"),
                adds=frozenset({"access_grant:role_assignment.scope"}),
                reads=(ASSIGNMENTS,),
                permissions=(f"{_ROLES}/roleAssignments/read",),
                about="role assignments once more and counted: one call for each management group and subscription",
                on=BELOW,
            )
        )
    found += _pair(
        "classic",
        ("resourcegraph.classic-administrators", "authorization.classic-administrators"),
        frozenset({"access_grant:classic_administrator"}),
        frozenset(),
        (f"{_ROLES}/classicAdministrators/read",),
        ("classic administrators of all subscriptions", "the same of one subscription"),
        frozenset({"subscription"}),
    )
    found.append(
        Source(
            id="authorization.deny-assignments",
            run=later("denials"),
            lists=frozenset({"access_grant:deny_assignment"}),
            permissions=(f"{_ROLES}/denyAssignments/read",),
            about="deny assignments: one call for the tenant, each management group and each subscription",
            on=EVERYWHERE,
        )
    )
    if eligible:
        found.append(
            Source(
                id="authorization.eligible-assignments",
                run=later("schedules", "run_eligible"),
                lists=frozenset({"access_grant:eligible_assignment"}),
                permissions=(f"{_ROLES}/roleEligibilitySchedules/read",),
                about="roles that somebody may activate: one call for each management group and subscription",
                on=BELOW,
            )
        )
    return (*found, *_resources())


def _resources() -> tuple[Source, ...]:
    return (
        *_pair(
            "resources",
            (RESOURCES, "arm.resources"),
            frozenset(
                {
                    "alias:app_id",
                    "alias:object_id",
                    "credential:local_key",
                    "credential:storage_key",
                    "identity:resource",
                    "relation:runs_as",
                }
            ),
            frozenset(
                {
                    "credential:local_key.restrictions",
                    "credential:storage_key.created_at",
                    "credential:storage_key.restrictions",
                }
            ),
            (*(f"{kind}/read" for kind in _RESOURCE_TYPES), "Microsoft.Resources/subscriptions/resources/read"),
            (
                "user-assigned identities, accounts with keys of their own, vaults, and what runs as which identity",
                "the same of one subscription: a list for each type",
            ),
            frozenset({"subscription"}),
        ),
        Source(
            id="managedidentity.federated-credentials",
            run=later("federated"),
            lists=frozenset({"credential:federated_credential"}),
            adds=frozenset({"credential:federated_credential.restrictions"}),
            reads=(RESOURCES,),
            permissions=("Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read",),
            about="federated credentials: one call for each user-assigned identity",
        ),
        Source(
            id="keyvault.secrets",
            run=later("vaults", "run_secrets"),
            lists=frozenset({"credential:stored_secret"}),
            reads=(RESOURCES,),
            permissions=("Microsoft.KeyVault/vaults/secrets/read",),
            about="secrets by name and dates, never a value: one call for each vault",
        ),
        Source(
            id="keyvault.keys",
            run=later("vaults", "run_keys"),
            lists=frozenset({"credential:stored_key"}),
            adds=frozenset({"credential:stored_key.restrictions"}),
            reads=(RESOURCES,),
            permissions=("Microsoft.KeyVault/vaults/keys/read",),
            about="keys by name and dates: one call for each vault",
        ),
    )
