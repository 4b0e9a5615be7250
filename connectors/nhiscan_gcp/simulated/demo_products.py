"""What the demo company runs: parcel tracking, the data lake, and what came with a company that it bought."""

from nhiscan_gcp.simulated.demo_parts import (
    ACQUIRED,
    ACQUIRED_NUMBER,
    BUILD,
    DATA,
    LAKE,
    LAKE_NUMBER,
    PRODUCTION,
    TRACKING,
    TRACKING_NUMBER,
    Parts,
    default_compute,
    email,
    member,
)
from nhiscan_gcp.simulated.world import ApiKey, Binding, Condition, Constraint, HmacKey, Project, Role, Workload

MAPS, GEMINI = "maps-backend.googleapis.com", "generativelanguage.googleapis.com"
PASTE = "https://github.com/lanternfish-mobile/map-tiles/blob/4f1c/config.json"


def tracking(parts: Parts) -> Project:
    return Project(
        TRACKING,
        parts.ago(1500),
        name="Parcel tracking",
        labels={"env": "production", "team": "mobile"},
        parent=PRODUCTION,
        number=TRACKING_NUMBER,
        accounts=(
            parts.account(
                "compute",
                1500,
                None,
                title="Compute Engine default service account",
                email=default_compute(TRACKING_NUMBER),
            ),
            parts.account("tracking-api", 610, "Ines Costa", about="Serves the tracking API"),
            parts.account("tracking-deploy", 610, "Jonas Weber", about="Deploys the tracking API"),
            # Google saw the key in a public repository; it still works
            parts.account("map-tiles", 350, "Jonas Weber", parts.key(64, 1, exposed=PASTE), about="Fetches map tiles"),
            # this one was seen as well, and Google switched it off
            parts.account(
                "geo-import",
                330,
                "Ines Costa",
                parts.key(320, 180, disabled=True, disable_reason="EXPOSED", exposed=PASTE),
                parts.key(30, 1, valid_before=parts.ahead(12)),
                about="Imports addresses",
            ),
            parts.account(
                "courier-hub",
                540,
                "Greta Lund",
                parts.key(70, 1, uploaded=True, valid_before=parts.ahead(3000)),
                about="Key pair made on the courier's side",
            ),
            # nothing runs as it, nobody has a key of it, and it is still there
            parts.account("pilot-2024", 700, "Jonas Weber", about="Pilot of 2024", used=None),
            # names and descriptions that try to be something else
            parts.account(
                "label-import",
                400,
                "Ines Costa",
                parts.key(55, 8),
                title="=cmd|'/C:calc'!A0",
                about="<img src=x onerror=alert(1)>\u2028new line",
                bindings=(Binding("roles/iam.serviceAccountUser", ("group:engineering@example.com",)),),
            ),
            parts.account("dispatcher", 1400, "Hugo Marin", deleted=True, unique_id="104729104729104729104"),
        ),
        api_keys=(
            ApiKey("tracking page map", parts.ago(60), targets=(MAPS,), clients="browser"),
            # in the app since its first version
            ApiKey("mobile app", parts.ago(1300)),
            ApiKey("support assistant", parts.ago(150), targets=(GEMINI, MAPS)),
            ApiKey("load test", parts.ago(200), targets=(MAPS,), deleted_at=parts.ago(4)),
        ),
        roles=(
            Role(
                "trackingReader",
                ("datastore.entities.get", "datastore.entities.list", "pubsub.subscriptions.consume"),
                "Tracking reader",
            ),
        ),
        bindings=(
            Binding("roles/editor", (f"serviceAccount:{default_compute(TRACKING_NUMBER)}",)),
            Binding(f"projects/{TRACKING}/roles/trackingReader", (member("tracking-api", TRACKING),)),
            Binding("roles/run.admin", (member("tracking-deploy", TRACKING),)),
            Binding(
                "roles/iam.serviceAccountUser",
                (member("tracking-deploy", TRACKING),),
                Condition("until the move is done", 'request.time < timestamp("2027-03-31T00:00:00Z")'),
            ),
            # deleted in 2025; whoever makes an account of that name does not get this, and nobody cleans it up
            Binding("roles/pubsub.admin", (member("dispatcher", TRACKING),)),
            Binding("roles/pubsub.publisher", (member("courier-hub", TRACKING), member("label-import", TRACKING))),
            Binding("roles/storage.objectViewer", (member("map-tiles", TRACKING), member("geo-import", TRACKING))),
            # from the lake, across the border of the project
            Binding("roles/storage.objectAdmin", (member("lake-loader", LAKE),)),
            Binding("roles/owner", (parts.user("Jonas Weber"),)),
        ),
        constraints=(Constraint("iam.disableServiceAccountKeyUpload", enforced=False),),
        workloads=(
            Workload("tracking-api", "service", email("tracking-api", TRACKING)),
            Workload("geo-import", "function", email("geo-import", TRACKING)),
            Workload("label-worker-1", "instance", default_compute(TRACKING_NUMBER)),
            Workload("label-worker-2", "instance", default_compute(TRACKING_NUMBER)),
        ),
    )


def lake(parts: Parts) -> Project:
    return Project(
        LAKE,
        parts.ago(1450),
        name="Parcel lake",
        labels={"env": "production", "team": "data"},
        parent=DATA,
        number=LAKE_NUMBER,
        accounts=(
            parts.account("lake-loader", 1400, "Chen Wei", about="Loads scans of parcels"),
            # made in August by somebody who left at the end of it, and may still have the file
            parts.account(
                "airflow",
                900,
                "Mei Tanaka",
                parts.key(85, 1, created_by=parts.user("Dana Novak")),
                about="Runs the nightly jobs",
            ),
            # left at the end of August; the key was used since
            parts.account(
                "churn-notebooks", 1090, "Dana Novak", parts.key(1080, 20), about="Notebooks of the forecast team"
            ),
            parts.account("export-trial", 500, "Dana Novak", parts.key(499), about="Trial of an export", used=None),
            # makes keys for any account of the project, the administrator of the lake among them
            parts.account("key-rotator", 480, "Mei Tanaka", about="Was to rotate keys"),
            parts.account("lake-admin", 1400, "Chen Wei", about="Owns the lake"),
        ),
        hmac_keys=(
            HmacKey("lake-loader", parts.ago(1200)),
            HmacKey("lake-loader", parts.ago(900), "INACTIVE"),
            HmacKey("airflow", parts.ago(30)),
        ),
        bindings=(
            Binding("roles/owner", (member("lake-admin", LAKE),)),
            Binding("roles/iam.serviceAccountKeyAdmin", (member("key-rotator", LAKE),)),
            Binding("roles/iam.serviceAccountAdmin", (parts.user("Chen Wei"),)),
            Binding("roles/iam.serviceAccountUser", (parts.user("Chen Wei"),)),
            Binding("roles/bigquery.admin", (member("churn-notebooks", LAKE), parts.user("Chen Wei"))),
            Binding("roles/bigquery.dataEditor", (member("airflow", LAKE), member("lake-loader", LAKE))),
            # whoever administers the keys of the lake may also use them
            Binding("roles/cloudkms.admin", (parts.user("Chen Wei"),)),
            Binding("roles/cloudkms.cryptoKeyEncrypterDecrypter", (parts.user("Chen Wei"),)),
            # everybody in the world with a Google account
            Binding("roles/bigquery.dataViewer", ("allAuthenticatedUsers",)),
            # a vendor, and somebody's own mail address
            Binding(
                "roles/storage.objectViewer",
                ("serviceAccount:reader@route-analytics.iam.gserviceaccount.com", "user:dana.novak@example.net"),
            ),
            Binding("roles/storage.objectAdmin", (member("export-trial", LAKE), member("lake-loader", LAKE))),
            Binding("roles/secretmanager.secretAccessor", (member("airflow", LAKE),)),
        ),
        workloads=(
            Workload("compaction", "job", email("lake-admin", LAKE)),
            Workload("scan-loader", "service", email("lake-loader", LAKE)),
        ),
    )


def acquired(parts: Parts) -> Project:
    """Not moved into a folder yet. A deny policy of its former owner still keeps auditors from reading its keys.

    One account alone has a key of its own: several calls would be on their way when the first is refused, and how many
    hangs on threads, which must show in no byte of the demo.
    """
    return Project(
        ACQUIRED,
        parts.ago(2400),
        name="Quickparcel ERP",
        number=ACQUIRED_NUMBER,
        accounts=(
            # it reads the calendars of everybody, by a delegation that nobody remembers
            parts.account(
                "erp-sync",
                2300,
                None,
                parts.key(2299),
                about="do not touch",
                used=4,
                oauth2_client_id="310471528840012345678",
            ),
            parts.account("migration", 380, "Liam Byrne", used=40),
            parts.account(
                "appspot",
                2400,
                None,
                title="App Engine default service account",
                email=f"{ACQUIRED}@appspot.gserviceaccount.com",
            ),
        ),
        bindings=(
            Binding(
                "roles/editor",
                (f"serviceAccount:{ACQUIRED}@appspot.gserviceaccount.com", member("erp-sync", ACQUIRED)),
            ),
            Binding("roles/owner", (member("migration", ACQUIRED), "user:founder@example.net")),
            Binding("roles/viewer", (member("ci-builder", BUILD),)),
        ),
        workloads=(Workload("erp", "version"),),
        disabled_apis=frozenset({"policyanalyzer.googleapis.com"}),
    )
