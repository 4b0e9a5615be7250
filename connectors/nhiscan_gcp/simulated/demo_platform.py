"""The platform folder of the demo company: where its organisation is run from, and where its software is built."""

from nhiscan_gcp.simulated.demo_parts import (
    BUILD,
    BUILD_NUMBER,
    OPS,
    OPS_NUMBER,
    PLATFORM,
    SCANNER,
    TRACKING,
    Parts,
    default_compute,
    email,
    member,
)
from nhiscan_gcp.simulated.world import Binding, Pool, Project, Provider, Workload

ACTIONS = "https://token.actions.githubusercontent.com"
_POOL = f"projects/{BUILD_NUMBER}/locations/global/workloadIdentityPools/github"
TOKEN_CREATOR, USER = "roles/iam.serviceAccountTokenCreator", "roles/iam.serviceAccountUser"
FEDERATED = "roles/iam.workloadIdentityUser"


def ops(parts: Parts) -> Project:
    """From here Terraform runs the organisation: its account administers it, and holds no key."""
    return Project(
        OPS,
        parts.ago(1900),
        name="Operations",
        labels={"env": "shared", "team": "platform"},
        parent=PLATFORM,
        number=OPS_NUMBER,
        accounts=(
            parts.account(SCANNER, 200, "Elif Demir", parts.key(12, 1), about="Reads for the inventory"),
            parts.account(
                "terraform",
                1850,
                "Amara Okafor",
                about="Runs the organisation",
                # the deployments may become it: that was for one project, years ago
                bindings=(Binding(TOKEN_CREATOR, (member("deploy-bot", BUILD),)),),
            ),
            # made for an audit of two weeks, with a key that was to end with it
            parts.account(
                "audit-2023",
                1120,
                "Kavya Rao",
                parts.key(1119, valid_before=parts.ago(1105)),
                about="Audit of 2023",
                used=None,
            ),
            parts.account("log-router", 700, "Kavya Rao", parts.key(80, 2), about="Sets up log sinks in all projects"),
        ),
        bindings=(
            Binding("roles/owner", ("group:cloud-admins@example.com",)),
            Binding("roles/logging.configWriter", (member("log-router", OPS),)),
            Binding("roles/viewer", (member("audit-2023", OPS), parts.user("Kavya Rao"))),
        ),
        workloads=(Workload("terraform-nightly", "job", email("terraform", OPS)),),
    )


def build(parts: Parts) -> Project:
    """Pipelines: their oldest key is the first step of a way to the administrator of the organisation."""
    return Project(
        BUILD,
        parts.ago(1700),
        name="Build",
        labels={"env": "shared", "team": "platform"},
        parent=PLATFORM,
        number=BUILD_NUMBER,
        accounts=(
            # the key that was made with the account, three years ago, is the one at work
            parts.account(
                "ci-builder",
                1130,
                "Bruno Keller",
                parts.key(1130, 1),
                about="Builds all images; key lies in the CI server",
            ),
            parts.account(
                "deploy-bot",
                900,
                "Bruno Keller",
                about="Deploys to production",
                # the CI server starts builds that run as it; so may everybody who develops
                bindings=(Binding(USER, (member("ci-builder", BUILD), "group:engineering@example.com")),),
            ),
            parts.account(
                "github-deploy",
                420,
                "Omar Said",
                about="Deploys from GitHub Actions",
                bindings=(Binding(FEDERATED, (f"principalSet://iam.googleapis.com/{_POOL}/*",)),),
            ),
            # left in May; the pipeline that nobody moved still signs in with his key
            parts.account(
                "jenkins-legacy",
                1600,
                "Hugo Marin",
                parts.key(1480, 9),
                about="Old build server",
            ),
            # switched off after an incident, and nothing was taken away from it
            parts.account(
                "release-signer",
                980,
                "Bruno Keller",
                parts.key(300, 210),
                used=210,
                disabled=True,
                about="Signs releases",
            ),
            # a rotation that was begun and never finished
            parts.account(
                "artifact-mirror", 800, "Omar Said", parts.key(410, 2), parts.key(40, 1), about="Mirrors base images"
            ),
            parts.account(
                "compute",
                1700,
                None,
                title="Compute Engine default service account",
                email=default_compute(BUILD_NUMBER),
                used=None,
            ),
        ),
        pools=(
            Pool(
                "github",
                (
                    # any repository on GitHub gets a token here
                    Provider("actions", ACTIONS, mapping=_mapping()),
                    Provider(
                        "actions-release",
                        ACTIONS,
                        condition="assertion.repository == 'lanternfish/release' && assertion.ref == 'refs/heads/main'",
                        mapping=_mapping(),
                    ),
                ),
            ),
        ),
        bindings=(
            Binding("roles/editor", (member("jenkins-legacy", BUILD),)),
            Binding("roles/cloudbuild.builds.editor", (member("ci-builder", BUILD), parts.user("Bruno Keller"))),
            Binding(
                "roles/artifactregistry.writer",
                tuple(member(name, BUILD) for name in ("ci-builder", "release-signer", "artifact-mirror")),
            ),
            Binding("roles/viewer", ("group:engineering@example.com", member("tracking-deploy", TRACKING))),
        ),
        workloads=(Workload("image-cache", "instance", default_compute(BUILD_NUMBER)),),
    )


def _mapping() -> dict[str, str]:
    return {
        "google.subject": "assertion.sub",
        "attribute.repository": "assertion.repository",
        "attribute.repository_owner": "assertion.repository_owner",
    }
