"""What the three accounts of the demo company are built from: times before the demo, owners as tags, policy
documents.
"""

from collections.abc import Mapping
from typing import Any

from nhiscan.testing.clock import at
from nhiscan.testing.company import Company
from nhiscan_aws.simulated.world import Access, Group, Key, Password, PolicyDocument, Role, Use, User, trust

SHARED, PRODUCTION, DATA = "111122223333", "444455556666", "777788889999"
PARTNER, MONITORING = "909090909090", "606060606060"
"""Accounts of others: a logistics partner and a monitoring vendor."""

AUDIT_ROLE, EXTERNAL_ID, SCANNER = "nhiscan-audit", "lanternfish-demo", "nhiscan-scanner"
AWS = "arn:aws:iam::aws:policy/"
ADMINISTRATOR, READ_ONLY, SECURITY_AUDIT = AWS + "AdministratorAccess", AWS + "ReadOnlyAccess", AWS + "SecurityAudit"
DAY = 86_400


def allow(actions: str | list[str], resources: str | list[str] = "*", **more: Any) -> PolicyDocument:
    """A policy of one statement."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources} | more
    return {"Version": "2012-10-17", "Statement": [statement]}


class Parts:
    """Shorthands that know the company and the time of the demo."""

    def __init__(self, company: Company, now: int) -> None:
        self._company = company
        self._now = now

    def ago(self, days: int) -> int:
        """A moment some days before the demo, at a time of day that is not the same each time."""
        return self._now - days * DAY - (days * 7919) % 30_000

    def day(self, text: str) -> int:
        """A moment on a day given as ISO date."""
        return at(text) + (len(text) * 3671 + sum(map(ord, text)) * 97) % 50_000

    def key(self, made: int, used: int | None = None, *, status: str = "Active", service: str = "s3") -> Key:
        """An access key made and last used so many days ago."""
        return Key(self.ago(made), status, None if used is None else Use(self.ago(used), service))

    def password(self, changed: int, used: int | None = None) -> Password:
        """A console password set and last used so many days ago."""
        return Password(self.ago(changed), None if used is None else self.ago(used))

    def owner(self, name: str, **tags: str) -> Mapping[str, str]:
        """Tags that name an employee as the owner."""
        return {"owner": self._company.of(name).email, **tags}

    def calls(self, days: int, *services: str) -> tuple[Access, ...]:
        """Services called so many days ago."""
        return tuple(Access(service, self.ago(days)) for service in services)

    def person(
        self, name: str, made: int, *groups: str, password: Password | None, mfa: bool = True, **more: Any
    ) -> User:
        """A user that is an employee."""
        email = self._company.of(name).email
        user = email.partition("@")[0]
        return User(
            user,
            self.ago(made),
            "/people/",
            {"email": email, "owner": email},
            password=password,
            mfa=mfa,
            groups=groups,
            **more,
        )

    def service(self, name: str, made: int, owner: str | None, *keys: Key, **more: Any) -> User:
        """A user that is a program. ``owner`` is the name of an employee."""
        tags = dict(self.owner(owner) if owner else {}) | dict(more.pop("tags", {}))
        return User(name, self.ago(made), more.pop("path", "/service/"), tags, keys=keys, **more)

    def workload(
        self, name: str, made: int, owner: str | None, *, used: int | None = 1, calls: tuple[str, ...] = (), **more: Any
    ) -> Role:
        """A role of a workload, assumed by an AWS service; used so many days ago (None: not in the tracking period).

        ``calls`` are the services that it called then.
        """
        tags = dict(self.owner(owner) if owner else {}) | dict(more.pop("tags", {}))
        return Role(
            name,
            self.ago(made),
            more.pop("trust", trust(service=more.pop("by", "lambda.amazonaws.com"))),
            more.pop("path", "/workload/"),
            tags=tags,
            used=None if used is None else Use(self.ago(used), region="eu-central-1"),
            accessed=() if used is None else self.calls(used, *calls),
            **more,
        )

    def group(self, name: str, made: int, *attached: str, **more: Any) -> Group:
        return Group(name, self.ago(made), attached=attached, **more)

    def audit_role(self) -> Role:
        """The role that the scanner assumes."""
        caller = f"arn:aws:iam::{SHARED}:user/service/{SCANNER}"
        return Role(
            AUDIT_ROLE,
            self.ago(200),
            trust(caller, external_id=EXTERNAL_ID),
            description="Read by nhiscan",
            tags=self.owner("Elif Demir"),
            attached=(SECURITY_AUDIT,),
            used=Use(self.ago(1)),
            accessed=self.calls(1, "iam", "organizations"),
        )
