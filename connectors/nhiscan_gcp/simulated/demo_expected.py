"""What is wrong in the demo company's Google Cloud, by rule: the truth against which a test holds the demo's findings.

Subjects are named as the report names them. A key is named by its account alone.
"""

from collections.abc import Mapping

from nhiscan_gcp.simulated.demo_parts import (
    ACQUIRED,
    BUILD,
    BUILD_NUMBER,
    LAKE,
    OPS,
    TRACKING,
    TRACKING_NUMBER,
    default_compute,
    email,
)

WELL_KEPT = email("tracking-api", TRACKING)
"""The account with which nothing is wrong: an owner, no key of its own, one small role, in use."""

EXPECTED: Mapping[str, tuple[str, ...]] = {
    "api-key-calls-generative-ai": (
        f"mobile app of {TRACKING}",
        f"support assistant of {TRACKING}",
    ),
    "api-key-exists": ("Parcel tracking",),
    "api-key-not-rotated": (
        f"mobile app of {TRACKING}",
        f"support assistant of {TRACKING}",
    ),
    "api-key-unrestricted": (
        f"mobile app of {TRACKING}",
        f"support assistant of {TRACKING}",
    ),
    "credential-expired-present": (email("audit-2023", OPS),),
    "credential-expiring-soon": (email("geo-import", TRACKING),),
    "credential-inactive-not-deleted": (
        f"HMAC key of {email('lake-loader', LAKE)}",
        email("geo-import", TRACKING),
    ),
    "credential-leaked-publicly": (
        email("geo-import", TRACKING),
        email("map-tiles", TRACKING),
    ),
    "credential-lifetime-too-long": (email("courier-hub", TRACKING),),
    "credential-never-expires": (
        email("airflow", LAKE),
        email("artifact-mirror", BUILD),
        email("artifact-mirror", BUILD),
        email("churn-notebooks", LAKE),
        email("ci-builder", BUILD),
        email("export-trial", LAKE),
        email("jenkins-legacy", BUILD),
        email("label-import", TRACKING),
        email("log-router", OPS),
        email("map-tiles", TRACKING),
        email("nhiscan", OPS),
        email("release-signer", BUILD),
    ),
    "credential-survived-offboarding": (
        email("churn-notebooks", LAKE),
        email("export-trial", LAKE),
        email("jenkins-legacy", BUILD),
    ),
    # Google tells no use of these kinds
    "credential-usage-unknown": (
        f"HMAC key of {email('airflow', LAKE)}",
        f"HMAC key of {email('lake-loader', LAKE)}",
        "github/actions of github",
        "github/actions-release of github",
        f"mobile app of {TRACKING}",
        f"support assistant of {TRACKING}",
        f"tracking page map of {TRACKING}",
    ),
    "credential-used-after-offboarding": (
        email("churn-notebooks", LAKE),
        email("jenkins-legacy", BUILD),
    ),
    "cross-project-grant": (
        f"roles/iam.serviceAccountTokenCreator to {email('deploy-bot', BUILD)}",
        f"roles/storage.objectAdmin to {email('lake-loader', LAKE)}",
        "roles/storage.objectViewer to serviceAccount:reader@route-analytics.iam.gserviceaccount.com",
        f"roles/viewer to {email('ci-builder', BUILD)}",
        f"roles/viewer to {email('tracking-deploy', TRACKING)}",
    ),
    "default-service-account-editor": (
        default_compute(TRACKING_NUMBER),
        f"{ACQUIRED}@appspot.gserviceaccount.com",
    ),
    "default-service-account-used": (
        default_compute(BUILD_NUMBER),
        default_compute(TRACKING_NUMBER),
        f"{ACQUIRED}@appspot.gserviceaccount.com",
    ),
    "disabled-identity-with-credentials": (email("release-signer", BUILD),),
    "disabled-identity-with-grants": (email("release-signer", BUILD),),
    "exposed-key-stays-active": (
        "Build",
        "Operations",
        "Parcel lake",
        "Parcel tracking",
        "Quickparcel ERP",
        "example.com",
    ),
    "federated-grant-to-whole-pool": (
        f"roles/iam.workloadIdentityUser to principalSet://iam.googleapis.com/projects/{BUILD_NUMBER}/locations/global/workloadIdentityPools/github/*",
    ),
    "grant-to-deleted-principal": (
        f"roles/pubsub.admin to deleted:serviceAccount:{email('dispatcher', TRACKING)}?uid=104729104729104729104",
    ),
    "guest-or-external-member": (
        "roles/owner to user:founder@example.net",
        "roles/storage.objectViewer to user:dana.novak@example.net",
    ),
    "hmac-key-not-rotated": (f"HMAC key of {email('lake-loader', LAKE)}",),
    "identity-dormant": (
        default_compute(BUILD_NUMBER),
        email("audit-2023", OPS),
        email("export-trial", LAKE),
    ),
    "identity-no-owner": (
        email("erp-sync", ACQUIRED),
        f"{ACQUIRED}@appspot.gserviceaccount.com",
    ),
    "identity-without-credential-or-workload": (
        email("audit-2023", OPS),
        email("migration", ACQUIRED),
    ),
    "multiple-active-keys": (email("artifact-mirror", BUILD),),
    "owner-left": (
        email("churn-notebooks", LAKE),
        email("export-trial", LAKE),
        email("jenkins-legacy", BUILD),
        email("migration", ACQUIRED),
    ),
    "owner-tag-invalid": (
        default_compute(BUILD_NUMBER),
        default_compute(TRACKING_NUMBER),
    ),
    "primitive-role": (
        f"roles/editor to {default_compute(TRACKING_NUMBER)}",
        f"roles/editor to {email('erp-sync', ACQUIRED)}",
        f"roles/editor to {email('jenkins-legacy', BUILD)}",
        f"roles/editor to {ACQUIRED}@appspot.gserviceaccount.com",
        "roles/owner to group:cloud-admins@example.com",
        f"roles/owner to {email('lake-admin', LAKE)}",
        f"roles/owner to {email('migration', ACQUIRED)}",
        "roles/owner to user:founder@example.net",
        "roles/owner to user:jonas.weber@example.com",
        f"roles/viewer to {email('audit-2023', OPS)}",
        f"roles/viewer to {email('ci-builder', BUILD)}",
        "roles/viewer to group:engineering@example.com",
        "roles/viewer to group:platform@example.com",
        f"roles/viewer to {email('tracking-deploy', TRACKING)}",
        "roles/viewer to user:kavya.rao@example.com",
    ),
    "privileged-role-at-wide-scope": (
        f"roles/iam.serviceAccountAdmin to {email('terraform', OPS)}",
        f"roles/iam.serviceAccountUser to {email('deploy-bot', BUILD)}",
        f"roles/iam.serviceAccountUser to {email('github-deploy', BUILD)}",
        f"roles/resourcemanager.organizationAdmin to {email('terraform', OPS)}",
    ),
    "public-grant": ("roles/bigquery.dataViewer to allAuthenticatedUsers",),
    "rotation-overlap-too-long": (email("artifact-mirror", BUILD),),
    # the former owner of the acquired company denies one call, and one API was never switched on there
    "scan-coverage-gap": (
        "iam.key-states",
        "policyanalyzer.account-activities",
        "policyanalyzer.key-activities",
    ),
    "separation-of-duties": ("roles/cloudkms.admin to user:chen.wei@example.com",),
    "service-account-impersonation": (
        f"roles/iam.serviceAccountUser to {email('deploy-bot', BUILD)}",
        f"roles/iam.serviceAccountUser to {email('github-deploy', BUILD)}",
        f"roles/iam.serviceAccountUser to {email('tracking-deploy', TRACKING)}",
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
    "service-account-key-not-rotated": (
        email("artifact-mirror", BUILD),
        email("churn-notebooks", LAKE),
        email("ci-builder", BUILD),
        email("export-trial", LAKE),
        email("jenkins-legacy", BUILD),
        email("release-signer", BUILD),
    ),
    "service-account-key-unused": (
        email("export-trial", LAKE),
        email("release-signer", BUILD),
    ),
    "service-account-key-upload-allowed": (
        "Build",
        "Operations",
        "Parcel tracking",
        "Quickparcel ERP",
        "example.com",
    ),
    "service-account-key-uploaded": (email("courier-hub", TRACKING),),
    "service-account-shared-with-group": ("roles/iam.serviceAccountUser to group:engineering@example.com",),
    "user-managed-service-account-key": (
        email("airflow", LAKE),
        email("artifact-mirror", BUILD),
        email("churn-notebooks", LAKE),
        email("ci-builder", BUILD),
        email("courier-hub", TRACKING),
        email("export-trial", LAKE),
        email("geo-import", TRACKING),
        email("jenkins-legacy", BUILD),
        email("label-import", TRACKING),
        email("log-router", OPS),
        email("map-tiles", TRACKING),
        email("nhiscan", OPS),
        email("release-signer", BUILD),
    ),
    "workload-identity-provider-unconditioned": ("github/actions of github",),
}
