"""What the projects of the demo company are built from: names, times before the demo, owners in descriptions."""

from typing import Any

from nhiscan.testing.company import Company
from nhiscan_gcp.simulated.world import Key, ServiceAccount

ORGANIZATION = "415926535897"
PLATFORM, PRODUCTION, DATA = "161803398874", "271828182845", "141421356237"
"""Folders. The last one lies in the one before."""

OPS, OPS_NUMBER = "lanternfish-ops", "310000000011"
BUILD, BUILD_NUMBER = "lanternfish-build", "310000000012"
TRACKING, TRACKING_NUMBER = "lanternfish-tracking", "310000000013"
LAKE, LAKE_NUMBER = "lanternfish-lake", "310000000014"
ACQUIRED, ACQUIRED_NUMBER = "quickparcel-erp", "310000000015"
"""Projects. The last one came with a company that was bought."""

SCANNER = "nhiscan"
READER = f"organizations/{ORGANIZATION}/roles/nhiscanReader"
DAY = 86_400


def member(name: str, project: str) -> str:
    """A service account as bindings name it."""
    return f"serviceAccount:{email(name, project)}"


def email(name: str, project: str) -> str:
    return f"{name}@{project}.iam.gserviceaccount.com"


def default_compute(number: str) -> str:
    """E-mail of the account that a project's machines run as unless somebody says otherwise."""
    return f"{number}-compute@developer.gserviceaccount.com"


class Parts:
    """Shorthands that know the company and the time of the demo."""

    def __init__(self, company: Company, now: int) -> None:
        self._company = company
        self._now = now

    def ago(self, days: int) -> int:
        """A moment some days before the demo, at a time of day that is not the same each time."""
        return self._now - days * DAY - (days * 6421) % 30_000

    def ahead(self, days: int) -> int:
        return self._now + days * DAY

    def user(self, name: str) -> str:
        """An employee as bindings name one."""
        return f"user:{self._company.of(name).email}"

    def key(self, made: int, used: int | None = None, **more: Any) -> Key:
        """A key that somebody keeps, made and last seen in use so many days ago. The platform team makes them."""
        more.setdefault("created_by", self.user("Bruno Keller"))
        return Key(self.ago(made), used_at=None if used is None else self.ago(used), **more)

    def held_by_google(self, made: int = 6) -> Key:
        """A key that Google holds and replaces."""
        return Key(self.ago(made), self.ahead(16 - made), user_managed=False)

    def account(
        self, name: str, made: int, owner: str | None, *keys: Key, about: str = "", used: int | None = 1, **more: Any
    ) -> ServiceAccount:
        """A service account. Google has no labels for accounts: the description names the owner, an employee."""
        said = [about] if about else []
        if owner is not None:
            said.append(f"owner: {self._company.of(owner).email}")
        return ServiceAccount(
            name,
            self.ago(made),
            display_name=more.pop("title", name.replace("-", " ").capitalize()),
            description="; ".join(said),
            keys=(*keys, self.held_by_google()),
            used_at=None if used is None else self.ago(used),
            **more,
        )
