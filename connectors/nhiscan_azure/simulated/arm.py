"""Azure Resource Manager: the lists a reader may ask for, each with its action, its versions and its options."""

import re
from collections.abc import Callable
from typing import Any

from nhiscan_azure.simulated import armlists
from nhiscan_azure.simulated.armcall import ArmCall, ArmMethod

_SUBSCRIPTION = r"subscriptions/(?P<subscription>[^/]+)"
_SCOPE = (
    r"(?P<scope>subscriptions/[^/]+(?:/resourceGroups/[^/]+)?(?:/providers/(?!Microsoft\.Authorization/)[^/]+/[^/]+/[^/]+)?"
    r"|providers/Microsoft\.Management/managementGroups/[^/]+)"
)
_RESOURCE = rf"(?P<resource>{_SUBSCRIPTION}/resourceGroups/[^/]+/providers/(?P<provider>[^/]+)/(?P<type>[^/]+)/[^/]+)"


def _method(
    verb: str,
    path: str,
    action: str,
    needs: str,
    answer: Callable[[ArmCall], Any],
    *versions: str,
    known: tuple[str, ...] = (),
) -> ArmMethod:
    return ArmMethod(verb, re.compile(path, re.IGNORECASE), f"arm.{action}", needs, known, versions or None, answer)


_ROLES = rf"{_SCOPE}/providers/Microsoft\.Authorization"
_AUTHORIZATION = "Microsoft.Authorization"
_GROUP = r"providers/Microsoft\.Management/managementGroups"
_SCHEDULES = tuple(
    _method("GET", f"{_ROLES}/{kind}", kind, f"{_AUTHORIZATION}/{kind}/read", armlists.schedules(kind), "2020-10-01",
            "2020-10-01-preview", known=("$filter",))
    for kind in ("roleEligibilitySchedules", "roleEligibilityScheduleInstances", "roleAssignmentSchedules",
                 "roleAssignmentScheduleInstances")
)  # fmt: skip
ARM_METHODS: tuple[ArmMethod, ...] = (
    _method("GET", "subscriptions", "subscriptions.list", "", armlists.subscriptions),
    _method("GET", _GROUP, "managementGroups.list", "", armlists.management_groups),
    _method("GET", rf"{_GROUP}/(?P<group>[^/]+)", "managementGroups.get", "", armlists.management_group,
            known=("$expand", "$recurse")),
    _method("GET", rf"{_GROUP}/(?P<group>[^/]+)/descendants", "managementGroups.descendants", "", armlists.descendants),
    _method("GET", f"{_SUBSCRIPTION}/resourcegroups", "resourceGroups.list",
            "Microsoft.Resources/subscriptions/resourceGroups/read", armlists.resource_groups),
    _method("GET", f"{_ROLES}/permissions", "permissions", f"{_AUTHORIZATION}/permissions/read", armlists.permissions,
            "2022-04-01", "2015-07-01"),
    _method("GET", f"{_ROLES}/roleAssignments", "roleAssignments", f"{_AUTHORIZATION}/roleAssignments/read",
            armlists.role_assignments, "2022-04-01", "2020-10-01-preview", known=("$filter",)),
    _method("GET", f"{_ROLES}/roleDefinitions", "roleDefinitions", f"{_AUTHORIZATION}/roleDefinitions/read",
            armlists.role_definitions, "2022-04-01", "2022-05-01-preview", "2018-01-01-preview", known=("$filter",)),
    _method("GET", f"{_ROLES}/denyAssignments", "denyAssignments", f"{_AUTHORIZATION}/denyAssignments/read",
            armlists.deny_assignments, "2022-04-01", "2018-07-01-preview", known=("$filter",)),
    _method("GET", rf"{_SUBSCRIPTION}/providers/Microsoft\.Authorization/classicAdministrators",
            "classicAdministrators", f"{_AUTHORIZATION}/classicAdministrators/read", armlists.classic, "2015-07-01"),
    *_SCHEDULES,
    _method("GET", rf"{_RESOURCE}/federatedIdentityCredentials", "federatedIdentityCredentials",
            "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read", armlists.federated,
            "2023-01-31", "2024-11-30", "2022-01-31-preview"),
    _method("GET", rf"{_RESOURCE}/secrets", "vaults.secrets", "Microsoft.KeyVault/vaults/secrets/read",
            armlists.vault_items("secrets")),
    _method("GET", rf"{_RESOURCE}/keys", "vaults.keys", "Microsoft.KeyVault/vaults/keys/read",
            armlists.vault_items("keys")),
    _method("POST", rf"{_RESOURCE}/listKeys", "storageAccounts.listKeys",
            "Microsoft.Storage/storageAccounts/listKeys/action", armlists.keys),
    _method("GET", f"{_SUBSCRIPTION}/resources", "resources.all", "Microsoft.Resources/subscriptions/resources/read",
            armlists.all_resources, "2021-04-01", "2022-09-01", known=("$filter", "$expand", "$top")),
    _method("GET", rf"{_SUBSCRIPTION}/providers/(?P<provider>[^/]+)/(?P<type>[^/]+)", "resources.list", "",
            armlists.of_type),
)  # fmt: skip
