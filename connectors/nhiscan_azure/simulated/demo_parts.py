"""What the demo company's tenant is built from: ids, names, times before the demo, its people as users."""

from typing import Any

from nhiscan.testing.company import Company
from nhiscan_azure.simulated.entra import Application, Secret, ServicePrincipal, SignIns, User

TENANT = "6d2f1c9a-5b0e-4c58-9c1d-27a4f0b3e611"
OPERATIONS = "0c8f3e52-7a41-4d0b-b1c6-9e5d2a7f4b10"
PRODUCTION = "3f9b7d14-2c68-4e9a-8f03-61d5c4a0e722"
ACQUIRED = "a1e4d6b8-93f7-4b25-a0c9-5f8e7d6c3b33"
"""Subscriptions: where the tenant is run from, what customers use, and what came with a company that was bought."""

VENDOR_TENANT, COURIER_TENANT = "c7d09e4f-11a2-4f6b-9d3e-8b5a6c7f0d44", "f2b38a6d-64c1-4a7e-b5d8-0e9f1c2a3b55"
GONE = "9b1e5c7d-3a8f-4d26-8e04-7c6b5a4f3e66"
"""An object id that nobody has any more: a service principal that was deleted and is still assigned a role."""

SCANNER = "nhiscan"
ACTIONS = "https://token.actions.githubusercontent.com"
CLUSTER = "https://westeurope.oic.prod-aks.example/tracking"
DAY = 86_400


class Parts:
    """Shorthands that know the company and the time of the demo."""

    def __init__(self, company: Company, now: int) -> None:
        self._company = company
        self.now = now

    def ago(self, days: int) -> int:
        """A moment some days before the demo, at a time of day that is not the same each time."""
        return self.now - days * DAY - (days * 7919) % 30_000

    def ahead(self, days: int) -> int:
        return self.now + days * DAY

    def name(self, person: str) -> str:
        """The employee of a name, as users are named in the world."""
        return self._company.of(person).email.partition("@")[0]

    def secret(self, made: int, lasts: int | None, used: int | None = None, name: str | None = None) -> Secret:
        """A secret made so many days ago, for so many days (None: until 2299), last used so many days ago."""
        end = None if lasts is None else self.ago(made) + lasts * DAY
        return Secret(self.ago(made), end, name, used_at=None if used is None else self.ago(used))

    def used(self, days: int) -> SignIns:
        return SignIns(client=self.ago(days))

    def app(
        self, name: str, made: int, owners: tuple[str, ...], principal: ServicePrincipal | None, **more: Any
    ) -> Application:
        """An application owned by employees."""
        return Application(
            name, self.ago(made), owners=tuple(self.name(one) for one in owners), principal=principal, **more
        )

    def people(self) -> tuple[User, ...]:
        """Everybody in the roster. Who left is switched off; of one nobody thought, and one is gone altogether."""
        found = []
        for person in self._company.employees:
            left = person.left is not None
            found.append(
                User(
                    person.email.partition("@")[0],
                    person.name,
                    enabled=not left or person.name == "Dana Novak",
                    deleted=person.name == "Liam Byrne",
                    created_at=self.ago(900),
                    left_at=None,
                    signed_in_at=self.ago(70 if left else 1),
                )
            )
        return tuple(found)
