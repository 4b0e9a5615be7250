"""What is wrong in the demo company's Google Cloud, by rule: the truth against which a test holds the demo's findings.

Subjects are named as the report names them. Of accounts the domain is left out that all have in common, and a key is
named by its account alone.
"""

from collections.abc import Mapping

WELL_KEPT = "tracking-api@lanternfish-tracking"
"""The account with which nothing is wrong: an owner, no key of its own, one small role, in use."""

EXPECTED: Mapping[str, tuple[str, ...]] = {
    "admin-access": (
        "lake-admin@lanternfish-lake",
        "migration@quickparcel-erp",
        "terraform@lanternfish-ops",
    ),
    "api-key-calls-generative-ai": (
        "mobile app of lanternfish-tracking",
        "support assistant of lanternfish-tracking",
    ),
    "api-key-exists": ("Parcel tracking",),
    "api-key-not-rotated": (
        "mobile app of lanternfish-tracking",
        "support assistant of lanternfish-tracking",
    ),
    # in the app since its first version; the other one may be called from anywhere
    "api-key-unrestricted": (
        "mobile app of lanternfish-tracking",
        "support assistant of lanternfish-tracking",
    ),
    # editors, and the account that was to rotate keys
    "can-create-credentials": (
        "310000000013-compute@developer.gserviceaccount.com",
        "erp-sync@quickparcel-erp",
        "jenkins-legacy@lanternfish-build",
        "key-rotator@lanternfish-lake",
        "quickparcel-erp@appspot.gserviceaccount.com",
    ),
    "can-remove-guardrail": ("log-router@lanternfish-ops",),
    # who made the key of the nightly jobs left in August
    "creator-left": ("airflow@lanternfish-lake",),
    # made for an audit of two weeks
    "credential-expired-present": ("audit-2023@lanternfish-ops",),
    "credential-expiring-soon": ("geo-import@lanternfish-tracking",),
    "credential-inactive-not-deleted": (
        "HMAC key of lake-loader@lanternfish-lake",
        "geo-import@lanternfish-tracking",
    ),
    # Google saw two keys in public, and switched one of them off
    "credential-leaked-publicly": (
        "geo-import@lanternfish-tracking",
        "map-tiles@lanternfish-tracking",
    ),
    "credential-lifetime-too-long": ("courier-hub@lanternfish-tracking",),
    "credential-never-expires": (
        "airflow@lanternfish-lake",
        "artifact-mirror@lanternfish-build",
        "artifact-mirror@lanternfish-build",
        "churn-notebooks@lanternfish-lake",
        "ci-builder@lanternfish-build",
        "export-trial@lanternfish-lake",
        "jenkins-legacy@lanternfish-build",
        "label-import@lanternfish-tracking",
        "log-router@lanternfish-ops",
        "map-tiles@lanternfish-tracking",
        "nhiscan@lanternfish-ops",
        "release-signer@lanternfish-build",
    ),
    "credential-survived-offboarding": (
        "churn-notebooks@lanternfish-lake",
        "export-trial@lanternfish-lake",
        "jenkins-legacy@lanternfish-build",
    ),
    # Google tells no use of these kinds
    "credential-usage-unknown": (
        "HMAC key of airflow@lanternfish-lake",
        "HMAC key of lake-loader@lanternfish-lake",
        "github/actions of github",
        "github/actions-release of github",
        "mobile app of lanternfish-tracking",
        "support assistant of lanternfish-tracking",
        "tracking page map of lanternfish-tracking",
    ),
    # and two keys were used since
    "credential-used-after-offboarding": (
        "churn-notebooks@lanternfish-lake",
        "jenkins-legacy@lanternfish-build",
    ),
    "credentials-exposure-actions": (
        "310000000013-compute@developer.gserviceaccount.com",
        "deploy-bot@lanternfish-build",
        "erp-sync@quickparcel-erp",
        "github",
        "jenkins-legacy@lanternfish-build",
        "quickparcel-erp@appspot.gserviceaccount.com",
    ),
    # over the border of a project; one of them is a vendor's
    "cross-project-grant": (
        "roles/iam.serviceAccountTokenCreator to deploy-bot@lanternfish-build",
        "roles/storage.objectAdmin to lake-loader@lanternfish-lake",
        "roles/storage.objectViewer to serviceAccount:reader@route-analytics",
        "roles/viewer to ci-builder@lanternfish-build",
        "roles/viewer to tracking-deploy@lanternfish-tracking",
    ),
    # what runs without an account of its own may change the whole project
    "default-service-account-editor": (
        "310000000013-compute@developer.gserviceaccount.com",
        "quickparcel-erp@appspot.gserviceaccount.com",
    ),
    "default-service-account-used": (
        "310000000012-compute@developer.gserviceaccount.com",
        "310000000013-compute@developer.gserviceaccount.com",
        "quickparcel-erp@appspot.gserviceaccount.com",
    ),
    "disabled-identity-with-credentials": ("release-signer@lanternfish-build",),
    # switched off after an incident, with all it had
    "disabled-identity-with-grants": ("release-signer@lanternfish-build",),
    # the organisation waits for abuse, and all projects inherit that
    "domain-wide-delegation": ("erp-sync@quickparcel-erp",),
    "exposed-key-stays-active": (
        "Build",
        "Operations",
        "Parcel lake",
        "Parcel tracking",
        "Quickparcel ERP",
        "example.com",
    ),
    # and with it becomes the account that deploys
    "federated-grant-to-whole-pool": ("roles/iam.workloadIdentityUser to github/*",),
    # deleted in 2025
    "grant-to-deleted-principal": (
        "roles/pubsub.admin to deleted:serviceAccount:dispatcher@lanternfish-tracking?uid=104729104729104729104",
    ),
    # a mail address of somebody who left, and the founder of the company that was bought
    "guest-or-external-member": (
        "roles/owner to user:founder@example.net",
        "roles/storage.objectViewer to user:dana.novak@example.net",
    ),
    # made with the lake
    "hmac-key-not-rotated": ("HMAC key of lake-loader@lanternfish-lake",),
    "identity-dormant": (
        "310000000012-compute@developer.gserviceaccount.com",
        "audit-2023@lanternfish-ops",
        "export-trial@lanternfish-lake",
        "pilot-2024@lanternfish-tracking",
    ),
    "identity-no-owner": (
        "erp-sync@quickparcel-erp",
        "quickparcel-erp@appspot.gserviceaccount.com",
    ),
    # nothing runs as them, and nobody has a key
    "identity-without-credential-or-workload": (
        "audit-2023@lanternfish-ops",
        "migration@quickparcel-erp",
        "pilot-2024@lanternfish-tracking",
    ),
    # a rotation that was begun and never finished
    "multiple-active-keys": ("artifact-mirror@lanternfish-build",),
    # four owners have left
    "owner-left": (
        "churn-notebooks@lanternfish-lake",
        "export-trial@lanternfish-lake",
        "jenkins-legacy@lanternfish-build",
        "migration@quickparcel-erp",
    ),
    "owner-tag-invalid": (
        "310000000012-compute@developer.gserviceaccount.com",
        "310000000013-compute@developer.gserviceaccount.com",
    ),
    # groups have roles, and who is in them is not known to Google Cloud
    "permission-data-incomplete": (
        "Build",
        "Operations",
        "Parcel lake",
        "Parcel tracking",
        "Quickparcel ERP",
    ),
    "primitive-role": (
        "roles/editor to 310000000013-compute@developer.gserviceaccount.com",
        "roles/editor to erp-sync@quickparcel-erp",
        "roles/editor to jenkins-legacy@lanternfish-build",
        "roles/editor to quickparcel-erp@appspot.gserviceaccount.com",
        "roles/owner to group:cloud-admins@example.com",
        "roles/owner to lake-admin@lanternfish-lake",
        "roles/owner to migration@quickparcel-erp",
        "roles/owner to user:founder@example.net",
        "roles/owner to user:jonas.weber@example.com",
        "roles/viewer to audit-2023@lanternfish-ops",
        "roles/viewer to ci-builder@lanternfish-build",
        "roles/viewer to group:engineering@example.com",
        "roles/viewer to group:platform@example.com",
        "roles/viewer to tracking-deploy@lanternfish-tracking",
        "roles/viewer to user:kavya.rao@example.com",
    ),
    # over the key of the pipelines to the account that runs the organisation, and ways of the editors
    "privilege-escalation": (
        "310000000013-compute@developer.gserviceaccount.com",
        "ci-builder@lanternfish-build",
        "deploy-bot@lanternfish-build",
        "erp-sync@quickparcel-erp",
        "github",
        "github-deploy@lanternfish-build",
        "jenkins-legacy@lanternfish-build",
        "key-rotator@lanternfish-lake",
        "quickparcel-erp@appspot.gserviceaccount.com",
        "tracking-deploy@lanternfish-tracking",
    ),
    # from the organisation and the production folder down
    "privileged-role-at-wide-scope": (
        "roles/iam.serviceAccountAdmin to terraform@lanternfish-ops",
        "roles/iam.serviceAccountUser to deploy-bot@lanternfish-build",
        "roles/iam.serviceAccountUser to github-deploy@lanternfish-build",
        "roles/resourcemanager.organizationAdmin to terraform@lanternfish-ops",
    ),
    # everybody with a Google account
    "public-grant": ("roles/bigquery.dataViewer to allAuthenticatedUsers",),
    "rotation-overlap-too-long": ("artifact-mirror@lanternfish-build",),
    # the former owner of the acquired company denies one call, and one API was never switched on there
    "scan-coverage-gap": (
        "iam.key-states",
        "policyanalyzer.account-activities",
        "policyanalyzer.key-activities",
    ),
    "secrets-read-unrestricted": ("airflow@lanternfish-lake",),
    # one person administers accounts and keys, and uses them
    "separation-of-duties": (
        "roles/cloudkms.admin to user:chen.wei@example.com",
        "roles/iam.serviceAccountAdmin to user:chen.wei@example.com",
    ),
    "service-account-impersonation": (
        "roles/iam.serviceAccountUser to deploy-bot@lanternfish-build",
        "roles/iam.serviceAccountUser to github-deploy@lanternfish-build",
        "roles/iam.serviceAccountUser to tracking-deploy@lanternfish-tracking",
        "roles/iam.serviceAccountUser to user:chen.wei@example.com",
    ),
    "service-account-key-creation-allowed": (
        "Build",
        "Operations",
        "Parcel lake",
        "Parcel tracking",
        "Quickparcel ERP",
        "example.com",
    ),
    "service-account-key-expiry-not-enforced": (
        "Build",
        "Operations",
        "Parcel lake",
        "Parcel tracking",
        "Quickparcel ERP",
        "example.com",
    ),
    # the key of the CI server is three years old; so are those of leavers
    "service-account-key-not-rotated": (
        "artifact-mirror@lanternfish-build",
        "churn-notebooks@lanternfish-lake",
        "ci-builder@lanternfish-build",
        "export-trial@lanternfish-lake",
        "jenkins-legacy@lanternfish-build",
        "release-signer@lanternfish-build",
    ),
    "service-account-key-unused": (
        "export-trial@lanternfish-lake",
        "release-signer@lanternfish-build",
    ),
    # but for the lake, whose folder forbids it
    "service-account-key-upload-allowed": (
        "Build",
        "Operations",
        "Parcel tracking",
        "Quickparcel ERP",
        "example.com",
    ),
    # the key pair was made by a courier
    "service-account-key-uploaded": ("courier-hub@lanternfish-tracking",),
    "service-account-shared-with-group": (
        "roles/iam.serviceAccountUser to group:engineering@example.com",
        "roles/iam.serviceAccountUser to group:engineering@example.com",
    ),
    "user-managed-service-account-key": (
        "airflow@lanternfish-lake",
        "artifact-mirror@lanternfish-build",
        "churn-notebooks@lanternfish-lake",
        "ci-builder@lanternfish-build",
        "courier-hub@lanternfish-tracking",
        "export-trial@lanternfish-lake",
        "geo-import@lanternfish-tracking",
        "jenkins-legacy@lanternfish-build",
        "label-import@lanternfish-tracking",
        "log-router@lanternfish-ops",
        "map-tiles@lanternfish-tracking",
        "nhiscan@lanternfish-ops",
        "release-signer@lanternfish-build",
    ),
    "wildcard-resource-on-sensitive-action": (
        "churn-notebooks@lanternfish-lake",
        "deploy-bot@lanternfish-build",
        "github-deploy@lanternfish-build",
        "tracking-deploy@lanternfish-tracking",
    ),
    # what runs as an administrator, or as an editor that becomes one
    "workload-identity-admin": (
        "lake-admin@lanternfish-lake",
        "quickparcel-erp@appspot.gserviceaccount.com",
        "terraform@lanternfish-ops",
    ),
    # any repository of GitHub gets a token
    "workload-identity-provider-unconditioned": ("github/actions of github",),
}
