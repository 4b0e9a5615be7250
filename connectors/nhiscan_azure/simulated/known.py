"""Ids that are the same in every tenant: permissions of Microsoft Graph, directory roles, built-in RBAC roles.

A selection: what worlds refer to. Microsoft publishes them; the ids are facts.
"""

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"

GRAPH_ROLES = {
    "AgentIdentity.Read.All": "b2b8f011-2898-4234-9092-5059f6c1ebfa",
    "AgentIdentityBlueprint.Read.All": "7547a7d1-36fa-4479-9c31-559a600eaa4f",
    "AgentIdentityBlueprintPrincipal.Read.All": "9361dea9-4524-493d-941d-f1b65aaf6c7c",
    "AppRoleAssignment.ReadWrite.All": "06b708a9-e830-4db3-a914-8e69da51d44f",
    "Application.Read.All": "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
    "Application.ReadWrite.All": "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
    "Application.ReadWrite.OwnedBy": "18a4783c-866b-4cc7-a460-3d5e5662c884",
    "AuditLog.Read.All": "b0afded3-3588-46d8-8b3d-9842eff778da",
    "DelegatedPermissionGrant.ReadWrite.All": "8e8e4742-1d95-4f68-9d56-6ee75648c72a",
    "Directory.Read.All": "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
    "Directory.ReadWrite.All": "19dbc75e-c2e2-444c-a770-ec69d8559fc7",
    "DirectoryRecommendations.Read.All": "ae73097b-cb2a-4447-b064-5d80f6093921",
    "Files.Read.All": "01d4889c-1287-42c6-ac1f-5d1e02578ef6",
    "Files.ReadWrite.All": "75359482-378d-4052-8f01-80520e7db3cd",
    "Group.Read.All": "5b567255-7703-4780-807c-7be8301ae99b",
    "Group.ReadWrite.All": "62a82d76-70ea-41e2-9197-370581804d09",
    "GroupMember.Read.All": "98830695-27a2-44f7-8c18-0c3ebc9698f6",
    "GroupMember.ReadWrite.All": "dbaae8cf-10b5-4b86-a4a1-f871c94c6695",
    "Mail.Read": "810c84a8-4a9e-49e6-bf7d-12d183f40d01",
    "Mail.ReadWrite": "e2a3a72e-5f79-4c64-b1b1-878b674786c9",
    "Mail.Send": "b633e1c5-b582-4048-a93e-9f11b44c7e96",
    "Organization.Read.All": "498476ce-e0fe-48b0-b801-37ba7e2685c6",
    "Policy.Read.All": "246dd0d5-5bd0-4def-940b-0421030a5b68",
    "Policy.Read.PermissionGrant": "9e640839-a198-48fb-8b9a-013fd6f6cbcd",
    "Policy.ReadWrite.ApplicationConfiguration": "be74164b-cff1-491c-8741-e671cb536e13",
    "RoleAssignmentSchedule.Read.Directory": "d5fe8ce8-684c-4c83-a52c-46e882ce4be1",
    "RoleEligibilitySchedule.Read.Directory": "ff278e11-4a33-4d0c-83d2-d01dc58929a5",
    "RoleManagement.Read.All": "c7fbd983-d9aa-4fa7-84b8-17382c103bc4",
    "RoleManagement.Read.Directory": "483bed4a-2ad3-4361-a73b-c83ccdbdc53c",
    "RoleManagement.ReadWrite.Directory": "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8",
    "Sites.FullControl.All": "a82116e5-55eb-4c41-a434-62fe8a61c773",
    "Sites.Read.All": "332a536c-c7ef-4017-ab91-336970924f0d",
    "User-LifeCycleInfo.Read.All": "8556a004-db57-4d7a-8b82-97a13428e96f",
    "User.Read.All": "df021288-bdef-4463-88db-98f22de89214",
    "User.ReadWrite.All": "741f803b-c850-494e-b5df-cde7c675a1ca",
}
"""Application permission -> id of the app role."""

GRAPH_SCOPES = {
    "Application.ReadWrite.All": "bdfbf15f-ee85-4955-8675-146e8e5296b5",
    "Calendars.Read": "465a38f9-76ea-45b9-9f34-9e8b0d4b0b42",
    "Directory.AccessAsUser.All": "0e263e50-5827-48a4-b97c-d940288653c7",
    "Directory.Read.All": "06da0dbc-49e2-44d2-8312-53f166ab848a",
    "Files.ReadWrite.All": "863451e7-0667-486c-a5d6-d135439485f0",
    "Mail.Read": "570282fd-fa5c-430d-a7fd-fc8dc98a9dca",
    "Mail.ReadWrite": "024d486e-b451-40bb-833d-3e66d98c5c73",
    "Mail.Send": "e383f46e-2787-4529-855e-0e479a3ffac0",
    "User.Read": "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
    "User.Read.All": "a154be20-db9c-4678-8ab7-66f6cc099a59",
    "email": "64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0",
    "offline_access": "7427e0e9-2fba-42fe-b0c0-848c9e6a8182",
    "openid": "37f7f235-527c-4136-accd-4a02d197296e",
    "profile": "14dad69e-099b-42c9-810b-d002981feec1",
}
"""Delegated permission -> id of the scope."""

DIRECTORY_ROLES = {
    "Global Administrator": (
        "62e90394-69f5-4237-9190-012177145e10",
        ("microsoft.directory/applications/allProperties/allTasks",
         "microsoft.directory/servicePrincipals/allProperties/allTasks"),
    ),
    "Privileged Role Administrator": (
        "e8611ab8-c189-46e8-94e1-60213ab1f814",
        ("microsoft.directory/roleAssignments/allProperties/allTasks",),
    ),
    "Privileged Authentication Administrator": (
        "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
        ("microsoft.directory/users/password/update",),
    ),
    "Application Administrator": (
        "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
        ("microsoft.directory/applications/credentials/update",
         "microsoft.directory/servicePrincipals/credentials/update"),
    ),
    "Cloud Application Administrator": (
        "158c047a-c907-4556-b7ef-446551a6b5f7",
        ("microsoft.directory/applications/credentials/update",
         "microsoft.directory/servicePrincipals/credentials/update"),
    ),
    "Hybrid Identity Administrator": (
        "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",
        ("microsoft.directory/applications/credentials/update",),
    ),
    "User Administrator": ("fe930be7-5e62-47db-91af-98c3a49a38b1", ("microsoft.directory/users/password/update",)),
    "Groups Administrator": ("fdd7a751-b60b-444a-984c-02652fe8fa1c", ("microsoft.directory/groups/members/update",)),
    "Directory Readers": ("88d8e3e3-8f55-4a1e-953a-9b9898b8876b", ("microsoft.directory/users/standard/read",)),
    "Global Reader": ("f2ef992c-3afb-46b9-b7cf-a126ee74c451", ("microsoft.directory/users/allProperties/read",)),
    "Security Administrator": ("194ae4cb-b126-40b2-bd5b-6091b380977d", ("microsoft.directory/policies/update",)),
    "Directory Synchronization Accounts": (
        "d29b2b05-8046-44ba-8758-1e26182fcf32",
        ("microsoft.directory/organization/dirSync/update",),
    ),
}  # fmt: skip
"""Built-in directory role -> template id, some of its actions."""

AZURE_ROLES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "Owner": ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", ("*",), (), ()),
    "Contributor": (
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        ("*",),
        (
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
            "Microsoft.Blueprint/blueprintAssignments/write",
            "Microsoft.Blueprint/blueprintAssignments/delete",
            "Microsoft.Compute/galleries/share/action",
        ),
        (),
    ),
    "Reader": ("acdd72a7-3385-48ef-bd42-f606fba81ae7", ("*/read",), (), ()),
    "User Access Administrator": (
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        ("*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"),
        (),
        (),
    ),
    "Role Based Access Control Administrator": (
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        ("Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete", "*/read"),
        (),
        (),
    ),
    "Virtual Machine Contributor": (
        "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
        ("Microsoft.Compute/virtualMachines/*", "Microsoft.Compute/disks/read", "Microsoft.Resources/deployments/*"),
        (),
        (),
    ),
    "Managed Identity Operator": (
        "f1a07417-d97a-45cb-824c-7a7467783830",
        (
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
        ),
        (),
        (),
    ),
    "Managed Identity Contributor": (
        "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59",
        (
            "Microsoft.ManagedIdentity/userAssignedIdentities/read",
            "Microsoft.ManagedIdentity/userAssignedIdentities/write",
            "Microsoft.ManagedIdentity/userAssignedIdentities/delete",
        ),
        (),
        (),
    ),
    "Automation Contributor": (
        "f353d9bd-d4a6-484e-a77a-8050b599b867",
        ("Microsoft.Automation/automationAccounts/*", "Microsoft.Authorization/*/read"),
        (),
        (),
    ),
    "Storage Account Contributor": (
        "17d1049b-9a84-46fb-8f53-869881c3d3ab",
        ("Microsoft.Authorization/*/read", "Microsoft.Storage/storageAccounts/*"),
        (),
        (),
    ),
    "Storage Blob Data Contributor": (
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        (
            "Microsoft.Storage/storageAccounts/blobServices/containers/read",
            "Microsoft.Storage/storageAccounts/blobServices/containers/write",
        ),
        (),
        (
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
        ),
    ),
    "Key Vault Administrator": (
        "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        ("Microsoft.Authorization/*/read", "Microsoft.KeyVault/vaults/*/read"),
        (),
        ("Microsoft.KeyVault/vaults/*",),
    ),
    "Key Vault Secrets User": (
        "4633458b-17de-408a-b874-0445c86b69e6",
        (),
        (),
        (
            "Microsoft.KeyVault/vaults/secrets/getSecret/action",
            "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
        ),
    ),
}
"""Built-in RBAC role -> id, actions, notActions, dataActions (of some roles only the weighty ones)."""
