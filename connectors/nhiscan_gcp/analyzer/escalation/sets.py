"""The sets of permissions by which a principal becomes more than it is: ``sets.toml``, read and checked.

A gain says what comes of a set, and so how its targets tie together:

``account``    the principal acts as the account
``running``    it acts as an account through something that runs as it already
``delegated``  it acts as accounts that may be become by the account on which it holds the set
``bound-key``  it acts as the account to which an API key is bound
``agent``      it acts with the rights of an agent of Google's in the project
``pool``       it comes in through a pool as whomever it likes
``policy``     it gives itself any role on the node
``role``       it adds permissions to a custom role that it holds
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from nhiscan.model import ESCALATION_CATEGORIES

DOCUMENTATION = "https://cloud.google.com/"
ACT_AS, TOKEN = "iam.serviceAccounts.actAs", "iam.serviceAccounts.getAccessToken"
GAINS: Mapping[str, frozenset[str]] = {
    "account": frozenset({"account", "project", "anywhere"}),
    "running": frozenset({"account", "project"}),
    "delegated": frozenset({"account"}),
    "bound-key": frozenset({"project"}),
    "agent": frozenset({"project"}),
    "pool": frozenset({"project"}),
    "policy": frozenset({"node"}),
    "role": frozenset({"role"}),
}
"""Gain -> on what the permissions of such a set may have to be held."""
RUNS = ("instance", "function", "service", "job", "version")
AGENTS = ("cloudservices", "cloudbuild", "compute")
_ID = re.compile(r"gcp(-[a-z0-9]+)+")
_PERMISSION = re.compile(r"(?:[a-z0-9.]+/)?[A-Za-z0-9]+(?:\.[A-Za-z0-9]+)+")


class Need(NamedTuple):
    """A permission, and on what it has to be held."""

    permission: str
    on: str  # see GAINS


class Set(NamedTuple):
    """Permissions that together are a way to more."""

    id: str
    category: str  # ESCALATION_CATEGORIES, "chain" apart
    gain: str
    all_of: tuple[Need, ...]
    node: str | None  # of gain "policy": kind of node
    agents: tuple[str, ...]  # of gain "agent": AGENTS
    only: tuple[str, ...]  # beginnings of the permissions that are gained; (): all
    blocked_by: str | None  # name of a Setting
    needs: str | None  # what has to exist, in words
    runs: str | None  # RUNS: the kind of workload that it is, where it is one that is read
    why: str
    fix: str
    references: tuple[str, ...]
    number: int | None  # in the public list


class BadSets(Exception):
    """The data file is not what it should be. ``problems`` are all of them, a sentence each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "; ".join(self.problems)


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
    found: dict[str, Set] = {}
    wanted: dict[tuple[Any, ...], str] = {}
    for number, part in enumerate(whole.get("sets", ()), 1):
        where = f"set {part.get('id', number)}"
        one = _set(part, problems, where)
        if one is None:
            continue
        same = (one.gain, tuple(sorted(one.all_of)), one.node)
        if one.id in found:
            problems.append(f"{where}: the id comes twice")
        elif same in wanted:
            problems.append(f"{where}: the same as {wanted[same]}")
        found[one.id], wanted[same] = one, one.id
    if problems:
        raise BadSets(tuple(problems))
    return tuple(found[key] for key in sorted(found))


def _set(part: Mapping[str, Any], problems: list[str], where: str) -> Set | None:
    before = len(problems)
    unknown = set(part) - set(Set._fields)
    problems.extend(f"{where}: unknown key {key}" for key in sorted(unknown))
    missing = sorted({"id", "category", "gain", "all_of", "why", "fix", "references"} - set(part))
    if missing:
        problems.append(f"{where}: {', '.join(missing)} missing")
        return None
    one = Set(
        id=part["id"],
        category=part["category"],
        gain=part["gain"],
        all_of=tuple(Need(need.get("permission", ""), need.get("on", "")) for need in part["all_of"]),
        node=part.get("node"),
        agents=tuple(part.get("agents", ())),
        only=tuple(part.get("only", ())),
        blocked_by=part.get("blocked_by"),
        needs=part.get("needs"),
        runs=part.get("runs"),
        why=part["why"],
        fix=part["fix"],
        references=tuple(part["references"]),
        number=part.get("number"),
    )
    problems.extend(f"{where}: {problem}" for problem in _problems(one))
    return one if len(problems) == before else None


def _problems(one: Set) -> list[str]:
    found = []
    names = [need.permission for need in one.all_of]
    if not _ID.fullmatch(one.id):
        found.append("the id begins with gcp and is words in lower case, joined by -")
    if one.category not in ESCALATION_CATEGORIES or one.category == "chain":
        found.append(f"no category {one.category}")
    if one.gain not in GAINS:
        return [*found, f"no gain {one.gain}"]
    if not names or len(set(names)) != len(names) or not all(map(_PERMISSION.fullmatch, names)):
        found.append("all_of names permissions, each once")
    found.extend(f"{need.permission} cannot be on {need.on}" for need in one.all_of if need.on not in GAINS[one.gain])
    if (one.gain == "policy") != (one.node is not None):
        found.append("a kind of node belongs to gain policy, and to no other")
    if (one.gain == "agent") != bool(one.agents) or not set(one.agents) <= set(AGENTS):
        found.append(f"agents belong to gain agent, and are {', '.join(AGENTS)}")
    if one.gain == "running" and not one.needs:
        found.append("a set of gain running says what has to exist")
    if one.runs is not None and (one.runs not in RUNS or not one.needs or one.gain not in ("account", "running")):
        found.append(f"runs is one of {', '.join(RUNS)}, of gains account and running, and needs says what it is")
    if not all(text.endswith(".") for text in (one.why, one.fix)):
        found.append("why and fix are sentences")
    if not one.references or not all(page.startswith(DOCUMENTATION) for page in one.references):
        found.append(f"references are pages of {DOCUMENTATION}")
    return found
