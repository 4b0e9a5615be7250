"""The demo company's Google Cloud: an organisation of three folders and five projects, their faults, and what of it
may not be read.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.company import DOMAIN, Company
from nhiscan_gcp.simulated.demo_parts import (
    ACQUIRED,
    BUILD,
    DATA,
    OPS,
    ORGANIZATION,
    PLATFORM,
    PRODUCTION,
    READER,
    SCANNER,
    Parts,
    member,
)
from nhiscan_gcp.simulated.demo_platform import build, ops
from nhiscan_gcp.simulated.demo_products import acquired, lake, tracking
from nhiscan_gcp.simulated.demo_roles import ROLES
from nhiscan_gcp.simulated.running import SimulatedGcp
from nhiscan_gcp.simulated.world import Binding, Caller, Constraint, Folder, Organization, Role, World

DENIED = ("iam.serviceAccountKeys.list",)
"""What a deny policy keeps from the scanner in the project that was acquired."""


def demo_world(company: Company, now: int) -> World:
    """Some thirty identities. The scanner is an account of the operations project, with a role of the organisation."""
    parts = Parts(company, now)
    return World(
        (ops(parts), build(parts), tracking(parts), lake(parts), acquired(parts)),
        organization=Organization(
            ORGANIZATION,
            DOMAIN,
            created_at=parts.ago(2000),
            bindings=(
                Binding(
                    "roles/resourcemanager.organizationAdmin",
                    (parts.user("Amara Okafor"), "group:cloud-admins@example.com", member("terraform", OPS)),
                ),
                Binding("roles/iam.serviceAccountAdmin", (member("terraform", OPS),)),
                Binding(READER, (member(SCANNER, OPS),)),
                Binding("roles/browser", (f"domain:{DOMAIN}",)),
            ),
            roles=(
                Role(
                    "nhiscanReader",
                    ("cloudasset.assets.listResource", "iam.serviceAccounts.list", "resourcemanager.projects.get"),
                    "nhiscan reader",
                ),
            ),
            constraints=(Constraint("iam.serviceAccountKeyExposureResponse", values=("WAIT_FOR_ABUSE",)),),
        ),
        folders=(
            Folder(
                PLATFORM,
                "Platform",
                bindings=(Binding("roles/viewer", ("group:platform@example.com",)),),
            ),
            Folder(
                PRODUCTION,
                "Production",
                bindings=(
                    Binding("roles/run.admin", (member("deploy-bot", BUILD), member("github-deploy", BUILD))),
                    Binding(
                        "roles/iam.serviceAccountUser", (member("deploy-bot", BUILD), member("github-deploy", BUILD))
                    ),
                ),
            ),
            Folder(
                DATA,
                "Data",
                parent=PRODUCTION,
                constraints=(Constraint("iam.disableServiceAccountKeyUpload", enforced=True),),
            ),
        ),
        roles=ROLES,
        caller=Caller(OPS, SCANNER),
    )


@contextmanager
def demo(company: Company, clock: SimulatedClock, seed: int) -> Iterator[SimulatedGcp]:
    """The estate while it runs."""
    settings = {"account-activity": True, "creators": True}
    with SimulatedGcp(demo_world(company, clock()), clock=clock, seed=seed, settings=settings) as gcp:
        for permission in DENIED:
            gcp.faults.deny(permission, account=ACQUIRED)
        yield gcp
