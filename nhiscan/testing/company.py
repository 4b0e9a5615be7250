"""The demo company: its people, who left and when, and which team owns what.

The simulated clouds take owners from here, so that one roster fits all of them. All names are made up; addresses use a
domain reserved for examples.
"""

import csv
import io
from dataclasses import dataclass, field

from nhiscan.testing.clock import at

NOW = at("2026-11-02T09:00:00")
"""The moment at which the demo takes place."""

DOMAIN = "example.com"


@dataclass(frozen=True)
class Employee:
    """A row of the roster. Dates are ISO days; ``left`` is the last working day."""

    person_id: str
    name: str
    team: str
    joined: str
    left: str | None = None
    address: str | None = None  # None: made from the name

    @property
    def email(self) -> str:
        return self.address or self.name.lower().replace(" ", ".") + "@" + DOMAIN


@dataclass(frozen=True)
class Company:
    """Everybody, by person id."""

    name: str
    system: str  # what the evidence is about
    contact: str
    employees: tuple[Employee, ...] = field(default=())

    def of(self, name: str) -> Employee:
        """The employee of a name; KeyError when nobody has it."""
        for employee in self.employees:
            if employee.name == name:
                return employee
        raise KeyError(name)

    def roster(self) -> str:
        """The people roster as CSV text, in the default columns, with one column that nobody asked for."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["person_id", "email", "name", "status", "start_date", "end_date", "team"])
        for person in self.employees:
            status = "left" if person.left else "active"
            writer.writerow(
                [person.person_id, person.email, person.name, status, person.joined, person.left or "", person.team]
            )
        return out.getvalue()


DEMO = Company(
    name="Lanternfish Logistics (demo)",
    system="Parcel tracking platform (demo)",
    contact="security@" + DOMAIN,
    employees=(
        Employee("E001", "Amara Okafor", "platform", "2019-03-01"),
        Employee("E002", "Bruno Keller", "platform", "2020-06-15"),
        Employee("E003", "Chen Wei", "data", "2021-01-11"),
        Employee("E004", "Dana Novak", "data", "2018-09-03", left="2026-08-31"),
        Employee("E005", "Elif Demir", "security", "2019-11-18"),
        Employee("E006", "Farid Haddad", "payments", "2020-02-10"),
        Employee("E007", "Greta Lund", "payments", "2022-04-04"),
        Employee("E008", "Hugo Marin", "platform", "2017-05-22", left="2026-05-29"),
        Employee("E009", "Ines Costa", "mobile", "2023-08-07"),
        Employee("E010", "Jonas Weber", "mobile", "2021-10-25"),
        Employee("E011", "Kavya Rao", "security", "2020-12-01"),
        Employee("E012", "Liam Byrne", "finance", "2016-07-18", left="2025-12-19"),
        Employee("E013", "Mei Tanaka", "data", "2024-02-19"),
        Employee("E014", "Nadia Petrova", "support", "2022-09-12"),
        Employee("E015", "Omar Said", "platform", "2025-03-03"),
        # names that try to be something else: a formula, markup, text that runs from right to left
        Employee(
            "E016", '=HYPERLINK("http://127.0.0.1","pay me")', "mobile", "2025-06-02", address="formula@" + DOMAIN
        ),
        Employee("E017", "<script>alert(1)</script>", "mobile", "2025-06-02", address="script@" + DOMAIN),
        Employee("E018", "\u202eevil si siht", "mobile", "2025-06-02", address="bidi@" + DOMAIN),
    ),
)
