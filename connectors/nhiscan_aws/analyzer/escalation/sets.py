"""The sets of actions by which a principal becomes more than it is: ``sets.toml``, read and checked.

A gain says what comes of a set, and so how its targets tie together:

``own-limits``             the principal gives itself all that its permissions boundary and its organisation leave
``older-version``          it gets what an older version of a policy of its own allows
``group-rights``           it gets the rights of a group, besides its own
``without-boundary``       it gets what its own permissions boundary takes away
``user-rights``            it acts as the user
``user-limits``            it gives the user all that the user's limits leave, and acts as the user
``role-rights``            it becomes the role
``role-limits``            it gives the role all that the role's limits leave, and becomes the role
``role-without-boundary``  it takes the role's permissions boundary away, and becomes the role
``federated-role``         it speaks for an identity provider that the role trusts
``passed-role``            it passes the role to a service, which trusts it, and acts through the service
``running-role``           it acts through something that runs with the role already
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from nhiscan.model import ESCALATION_CATEGORIES

DOCUMENTATION = "https://docs.aws.amazon.com/"
PASS_ROLE, ASSUME_ROLE = "iam:PassRole", "sts:AssumeRole"

GAINS: Mapping[str, frozenset[str]] = {
    "own-limits": frozenset({"itself", "own-group", "own-policy", "own-permission-set", "any"}),
    "older-version": frozenset({"own-policy"}),
    "group-rights": frozenset({"group"}),
    "without-boundary": frozenset({"itself"}),
    "user-rights": frozenset({"user"}),
    "user-limits": frozenset({"user"}),
    "role-rights": frozenset({"role"}),
    "role-limits": frozenset({"role", "role-policy"}),
    "role-without-boundary": frozenset({"role"}),
    "federated-role": frozenset({"saml-provider"}),
    "passed-role": frozenset({"passed-role", "any"}),
    "running-role": frozenset({"any"}),
}
"""Gain -> on what the actions of such a set may have to be allowed."""

WHENS: Mapping[str, str] = {
    "free-key": "user",
    "no-free-key": "user",
    "password": "user",
    "no-password": "user",
    "trusted": "role",
    "trust-can-change": "role",
}
"""What has to be so of a target -> the first word of the gains that have such targets."""

_SUFFIX = "amazonaws.com"
_SUFFIXES = {
    "aws-cn": (_SUFFIX, "amazonaws.com.cn"),
    "aws-iso": (_SUFFIX, "c2s.ic.gov"),
    "aws-iso-b": (_SUFFIX, "sc2s.sgov.gov"),
}
_FEDERATED = {"aws-us-gov": ("cognito-identity-us-gov.amazonaws.com",)}
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ACTION = re.compile(r"[a-z0-9-]+:[A-Z][A-Za-z0-9]+")


class Service(NamedTuple):
    """What takes a role."""

    id: str
    name: str
    trusted: tuple[str, ...]  # principals of the trust document, in the suffix of the commercial partition
    passed: tuple[str, ...]  # values of iam:PassedToService
    federated: bool
    reference: str

    def trusted_in(self, partition: str) -> tuple[str, ...]:
        """The principals by which a partition knows the service."""
        if self.federated and partition in _FEDERATED:
            return _FEDERATED[partition]
        return principals_in(partition, self.trusted)

    def passed_in(self, partition: str) -> tuple[str, ...]:
        if self.federated and partition in _FEDERATED:
            return _FEDERATED[partition]
        return principals_in(partition, self.passed)


class Need(NamedTuple):
    """An action, and on what it has to be allowed."""

    action: str  # "iam:PassRole"
    on: str  # see GAINS


class Set(NamedTuple):
    """Actions that together are a way to more."""

    id: str
    category: str  # ESCALATION_CATEGORIES, "chain" apart
    gain: str
    all_of: tuple[Need, ...]
    service: Service | None  # of gains "passed-role" and "running-role"
    when: str | None  # WHENS
    also_passed: str | None  # principal of the trust document of a second role that has to be passed
    only: tuple[str, ...]  # action patterns: the rights of the target that are gained; (): all
    needs: str | None  # what has to exist and is not read, in words
    why: str
    fix: str
    references: tuple[str, ...]
    found: str  # "list" | "documentation"


class BadSets(Exception):
    """The data file is not what it should be. ``problems`` are all of them, a sentence each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "; ".join(self.problems)


def principals_in(partition: str, principals: tuple[str, ...]) -> tuple[str, ...]:
    """Service principals as a partition writes them: each with every suffix that is in use there."""
    suffixes = _SUFFIXES.get(partition, (_SUFFIX,))
    return tuple(principal.removesuffix(_SUFFIX) + suffix for principal in principals for suffix in suffixes)


@cache
def sets() -> tuple[Set, ...]:
    """All sets of the package, sorted by id."""
    return load(resources.files(__package__).joinpath("sets.toml").read_text(encoding="utf-8"))


def load(text: str) -> tuple[Set, ...]:
    """The sets of a text, sorted by id. Raises BadSets with all that is wrong."""
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadSets((f"not TOML: {error}",)) from error
    problems: list[str] = []
    services = {name: _service(name, part, problems) for name, part in whole.get("services", {}).items()}
    found: dict[str, Set] = {}
    for number, part in enumerate(whole.get("sets", ()), 1):
        one = _set(part, services, problems, f"set {part.get('id', number)}")
        if one is not None and one.id in found:
            problems.append(f"set {one.id}: the id comes twice")
        elif one is not None:
            found[one.id] = one
    wanted: dict[tuple[Any, ...], str] = {}
    for one in found.values():
        same = (one.gain, tuple(sorted(one.all_of)), one.when)
        if same in wanted:
            problems.append(f"set {one.id}: the same as {wanted[same]}")
        wanted[same] = one.id
    used = {part.get("service") for part in whole.get("sets", ())}
    problems.extend(f"service {name}: no set uses it" for name in sorted(set(services) - used))
    if problems:
        raise BadSets(tuple(problems))
    return tuple(found[key] for key in sorted(found))


def _service(name: str, part: Mapping[str, Any], problems: list[str]) -> Service:
    _unknown(part, {"name", "trusted", "passed", "federated", "reference"}, f"service {name}", problems)
    service = Service(
        id=name,
        name=str(part.get("name", "")),
        trusted=tuple(part.get("trusted", ())),
        passed=tuple(part.get("passed", ())),
        federated=part.get("federated", False) is True,
        reference=str(part.get("reference", "")),
    )
    if not service.name or not service.trusted:
        problems.append(f"service {name}: name and trusted are needed")
    if not all(one.endswith(_SUFFIX) for one in (*service.trusted, *service.passed)):
        problems.append(f"service {name}: principals end in {_SUFFIX}")
    if not service.reference.startswith(DOCUMENTATION):
        problems.append(f"service {name}: the reference is no page of {DOCUMENTATION}")
    return service


def _set(part: Mapping[str, Any], services: Mapping[str, Service], problems: list[str], where: str) -> Set | None:
    known = {"id", "category", "gain", "all_of", "service", "when", "also_passed", "only", "needs", "why", "fix"}
    before = len(problems)
    _unknown(part, known | {"references", "found"}, where, problems)
    missing = sorted({"id", "category", "gain", "all_of", "why", "fix", "references"} - set(part))
    if missing:
        problems.append(f"{where}: {', '.join(missing)} missing")
        return None
    service = part.get("service")
    if service is not None and service not in services:
        problems.append(f"{where}: no service {service}")
    one = Set(
        id=part["id"],
        category=part["category"],
        gain=part["gain"],
        all_of=tuple(Need(need.get("action", ""), need.get("on", "")) for need in part["all_of"]),
        service=services.get(service) if service is not None else None,
        when=part.get("when"),
        also_passed=part.get("also_passed"),
        only=tuple(part.get("only", ())),
        needs=part.get("needs"),
        why=part["why"],
        fix=part["fix"],
        references=tuple(part["references"]),
        found=part.get("found", ""),
    )
    problems.extend(f"{where}: {problem}" for problem in _problems(one))
    return one if len(problems) == before else None


def _unknown(part: Mapping[str, Any], known: set[str], where: str, problems: list[str]) -> None:
    problems.extend(f"{where}: unknown key {key}" for key in sorted(set(part) - known))


def _problems(one: Set) -> list[str]:
    found = []
    actions = [need.action for need in one.all_of]
    if not _ID.fullmatch(one.id):
        found.append("the id is words in lower case, joined by -")
    if one.category not in ESCALATION_CATEGORIES or one.category == "chain":
        found.append(f"no category {one.category}")
    if one.gain not in GAINS:
        return [*found, f"no gain {one.gain}"]
    if not actions or len(set(actions)) != len(actions) or not all(map(_ACTION.fullmatch, actions)):
        found.append("all_of names actions as service:Action, each once")
    found.extend(f"{need.action} cannot be on {need.on}" for need in one.all_of if need.on not in GAINS[one.gain])
    if (one.service is not None) != (one.gain in ("passed-role", "running-role")):
        found.append("a service belongs to gains passed-role and running-role, and to no other")
    if (one.gain == "passed-role") != (PASS_ROLE in actions):
        found.append(f"{PASS_ROLE} belongs to gain passed-role, and to no other")
    if one.gain == "running-role" and not one.needs:
        found.append("a set of gain running-role says what has to exist")
    if one.when is not None and not one.gain.startswith(WHENS.get(one.when, "?")):
        found.append(f"no {one.when} of gain {one.gain}")
    if not all(text.endswith(".") for text in (one.why, one.fix)):
        found.append("why and fix are sentences")
    if not one.references or not all(page.startswith(DOCUMENTATION) for page in one.references):
        found.append(f"references are pages of {DOCUMENTATION}")
    if one.found not in ("list", "documentation"):
        found.append("found is list or documentation")
    return found
