"""Names of the properties that Microsoft Graph v1.0 declares on each type; ``*`` marks a collection.

For ``$select`` and ``$filter``: the service refuses a name that it does not know. Which names there are is a fact of
the published schema (CSDL); the last two types are of the beta.
"""

from functools import cache

_NAMES = {
    "application": """
        addIns* api appId appRoles* applicationTemplateId authenticationBehaviors certification createdByAppId
        createdDateTime defaultRedirectUri deletedDateTime description disabledByMicrosoftStatus displayName
        groupMembershipClaims id identifierUris* info isDeviceOnlyAuthSupported isDisabled
        isFallbackPublicClient keyCredentials* managerApplications* nativeAuthenticationApisEnabled notes
        oauth2RequirePostResponse optionalClaims parentalControlSettings passwordCredentials* publicClient
        publisherDomain requestSignatureVerification requiredResourceAccess* samlMetadataUrl
        serviceManagementReference servicePrincipalLockConfiguration signInAudience spa tags*
        tokenEncryptionKeyId uniqueName verifiedPublisher web
    """,
    "servicePrincipal": """
        accountEnabled addIns* alternativeNames* appDescription appDisplayName appId appOwnerOrganizationId
        appRoleAssignmentRequired appRoles* applicationTemplateId createdByAppId customSecurityAttributes
        deletedDateTime description disabledByMicrosoftStatus displayName homepage id info isDisabled
        keyCredentials* loginUrl logoutUrl notes notificationEmailAddresses* oauth2PermissionScopes*
        passwordCredentials* preferredSingleSignOnMode preferredTokenSigningKeyThumbprint replyUrls*
        resourceSpecificApplicationPermissions* samlSingleSignOnSettings servicePrincipalNames*
        servicePrincipalType signInAudience tags* tokenEncryptionKeyId verifiedPublisher
    """,
    "agentIdentity": """
        accountEnabled addIns* agentIdentityBlueprintId alternativeNames* appDescription appDisplayName appId
        appOwnerOrganizationId appRoleAssignmentRequired appRoles* applicationTemplateId createdByAppId
        createdDateTime customSecurityAttributes deletedDateTime description disabledByMicrosoftStatus
        displayName homepage id info isDisabled keyCredentials* loginUrl logoutUrl notes
        notificationEmailAddresses* oauth2PermissionScopes* passwordCredentials* preferredSingleSignOnMode
        preferredTokenSigningKeyThumbprint replyUrls* resourceSpecificApplicationPermissions*
        samlSingleSignOnSettings servicePrincipalNames* servicePrincipalType signInAudience tags*
        tokenEncryptionKeyId verifiedPublisher
    """,
    "user": """
        aboutMe accountEnabled ageGroup assignedLicenses* assignedPlans* authorizationInfo birthday
        businessPhones* city companyName consentProvidedForMinor country createdDateTime creationType
        customSecurityAttributes deletedDateTime department deviceEnrollmentLimit displayName employeeHireDate
        employeeId employeeLeaveDateTime employeeOrgData employeeType externalUserState
        externalUserStateChangeDateTime faxNumber givenName hireDate id identities* identityParentId
        imAddresses* interests* isManagementRestricted isResourceAccount jobTitle lastPasswordChangeDateTime
        legalAgeGroupClassification licenseAssignmentStates* mail mailNickname mailboxSettings mobilePhone
        mySite officeLocation onPremisesDistinguishedName onPremisesDomainName onPremisesExtensionAttributes
        onPremisesImmutableId onPremisesLastSyncDateTime onPremisesProvisioningErrors* onPremisesSamAccountName
        onPremisesSecurityIdentifier onPremisesSyncEnabled onPremisesUserPrincipalName otherMails*
        passwordPolicies passwordProfile pastProjects* postalCode preferredDataLocation preferredLanguage
        preferredName print provisionedPlans* proxyAddresses* responsibilities* schools* securityIdentifier
        serviceProvisioningErrors* showInAddressList signInActivity signInSessionsValidFromDateTime skills*
        state streetAddress surname usageLocation userPrincipalName userType
    """,
    "group": """
        accessType allowExternalSenders assignedLabels* assignedLicenses* autoSubscribeNewMembers classification
        createdDateTime deletedDateTime description displayName expirationDateTime groupTypes*
        hasMembersWithLicenseErrors hideFromAddressLists hideFromOutlookClients id infoCatalogs* isArchived
        isAssignableToRole isFavorite isManagementRestricted isSubscribedByMail licenseProcessingState mail
        mailEnabled mailNickname membershipRule membershipRuleProcessingState onPremisesDomainName
        onPremisesExtensionAttributes onPremisesLastSyncDateTime onPremisesNetBiosName
        onPremisesProvisioningErrors* onPremisesSamAccountName onPremisesSecurityIdentifier
        onPremisesSyncEnabled organizationId preferredDataLocation preferredLanguage proxyAddresses*
        renewedDateTime resourceBehaviorOptions* resourceProvisioningOptions* securityEnabled securityIdentifier
        serviceProvisioningErrors* theme uniqueName unseenConversationsCount unseenCount unseenMessagesCount
        visibility welcomeMessageEnabled
    """,
    "federatedIdentityCredential": """
        audiences* description id issuer name subject
    """,
    "appRoleAssignment": """
        appRoleId createdDateTime deletedDateTime id principalDisplayName principalId principalType
        resourceDisplayName resourceId
    """,
    "oAuth2PermissionGrant": """
        clientId consentType id principalId resourceId scope
    """,
    "unifiedRoleAssignment": """
        appScopeId condition directoryScopeId id principalId principalOrganizationId roleDefinitionId
    """,
    "unifiedRoleDefinition": """
        description displayName id isBuiltIn isEnabled resourceScopes* rolePermissions* templateId version
    """,
    "betaRoleDefinition": """
        description displayName id isBuiltIn isEnabled isPrivileged resourceScopes* rolePermissions* templateId version
    """,
    "unifiedRoleEligibilityScheduleInstance": """
        appScopeId directoryScopeId endDateTime id memberType principalId roleDefinitionId
        roleEligibilityScheduleId startDateTime
    """,
    "unifiedRoleAssignmentScheduleInstance": """
        appScopeId assignmentType directoryScopeId endDateTime id memberType principalId roleAssignmentOriginId
        roleAssignmentScheduleId roleDefinitionId startDateTime
    """,
    "organization": """
        assignedPlans* businessPhones* city country countryLetterCode createdDateTime defaultUsageLocation
        deletedDateTime displayName id marketingNotificationEmails* mobileDeviceManagementAuthority
        onPremisesLastSyncDateTime onPremisesSyncEnabled partnerTenantType postalCode preferredLanguage
        privacyProfile provisionedPlans* securityComplianceNotificationMails*
        securityComplianceNotificationPhones* state street technicalNotificationMails* tenantType
        verifiedDomains*
    """,
    "tenantAppManagementPolicy": """
        applicationRestrictions deletedDateTime description displayName id isEnabled
        servicePrincipalRestrictions
    """,
    "authorizationPolicy": """
        allowEmailVerifiedUsersToJoinOrganization allowInvitesFrom allowUserConsentForRiskyApps
        allowedToSignUpEmailBasedSubscriptions allowedToUseSSPR blockMsolPowerShell defaultUserRolePermissions
        deletedDateTime description displayName guestUserRoleId id
    """,
    "permissionGrantPolicy": """
        deletedDateTime description displayName id
    """,
    "appManagementPolicy": """
        deletedDateTime description displayName id isEnabled restrictions
    """,
    "adminConsentRequestPolicy": """
        id isEnabled notifyReviewers remindersEnabled requestDurationInDays reviewers* version
    """,
    "servicePrincipalSignInActivity": """
        applicationAuthenticationClientSignInActivity applicationAuthenticationResourceSignInActivity appId
        delegatedClientSignInActivity delegatedResourceSignInActivity id lastSignInActivity
    """,
    "appCredentialSignInActivity": """
        appId appObjectId createdDateTime credentialOrigin expirationDateTime id keyId keyType keyUsage resourceId
        servicePrincipalObjectId signInActivity
    """,
}
DERIVED = {
    "agentIdentity": "servicePrincipal",
    "agentIdentityBlueprint": "application",
    "agentIdentityBlueprintPrincipal": "servicePrincipal",
}
"""Type -> the type that it is derived from, where that is served, too."""
OBJECTS = ("user", "group", "servicePrincipal", "application")
"""What stands where the schema says directoryObject."""

USER_DEFAULT = (
    *("businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation"),
    *("preferredLanguage", "surname", "userPrincipalName"),
)
"""What of a user is shown where nothing is selected."""


@cache
def properties(name: str) -> dict[str, bool]:
    """Property -> is it a collection, of a type; of directoryObject those of all objects that can stand there."""
    if name == "directoryObject":
        return {key: value for one in OBJECTS for key, value in properties(one).items()}
    text = _NAMES.get(name) or _NAMES[DERIVED[name]]
    return {word.rstrip("*"): word.endswith("*") for word in text.split()}
