"""Is an identity a machine or a person? A derived fact with its reason and its confidence; unknown is an answer.

The first line that applies decides:

1.  A root identity and a group are neither: unknown.
2.  Every other kind but ``user`` is a machine, proven: others become it or run as it.
3.  A user's tags say so: ``nhi=true``, ``type=service``, ``type=human`` and the like. Proven, as the customer says it;
    tags that contradict each other make it unknown.
4.  A user's name or e-mail is that of one person of the roster: a person; proven by e-mail, else conditional.
5.  A user's path or name has a word for machines (``svc``, ``ci``, ``deploy`` ...), or its path one for people:
    possible.
6.  Console password and access keys: keys alone are a machine, conditional; a password alone is a person, conditional
    with MFA, else possible; both with MFA possibly a person; both without MFA, neither, and not collected: unknown.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nhiscan.analysis.owners import plain_key
from nhiscan.analysis.roster import Roster
from nhiscan.model import Classification

MACHINE_FLAGS = frozenset({"nhi", "nonhuman", "machine", "serviceaccount", "serviceuser", "isserviceaccount", "bot"})
PERSON_FLAGS = frozenset({"human", "ishuman", "person"})
TYPE_KEYS = frozenset({"type", "kind", "identitytype", "usertype", "accounttype", "principaltype", "identityclass"})
SPEAKING_KEYS = MACHINE_FLAGS | PERSON_FLAGS | TYPE_KEYS
MACHINE_TYPES = frozenset(
    {"service", "serviceaccount", "serviceuser", "machine", "nhi", "nonhuman", "bot", "robot", "workload", "system"}
    | {"application", "app", "automation", "ci", "technical"}
)
PERSON_TYPES = frozenset({"human", "person", "employee", "contractor", "people"})
# fmt: off
MACHINE_WORDS = frozenset({
    "svc", "service", "services", "serviceaccount", "sa", "ci", "cd", "cicd", "bot", "bots", "robot", "robots",
    "machine", "machines", "nhi", "workload", "workloads", "deploy", "deployer", "deployment", "pipeline",
    "runner", "terraform", "ansible", "jenkins", "github", "gitlab", "circleci", "buildkite", "backup", "backups",
    "cron", "job", "worker", "daemon", "automation", "lambda", "exporter", "smtp", "monitoring", "prometheus",
    "grafana", "datadog", "etl", "batch", "sync", "integration", "system", "app", "apps", "application",
    "applications", "api", "uploader",
})
# fmt: on
PERSON_PATHS = frozenset({"people", "person", "human", "humans", "employee", "employees", "staff", "contractors"})
KEYLESS = ("password", "signing_certificate", "server_certificate", "ssh_public_key")
"""Kinds of credentials that do not count as keys of a program here."""

_TRUE = frozenset({"true", "yes", "1", "y"})
_FALSE = frozenset({"false", "no", "0", "n"})
_WORD = re.compile(r"[^\W_]+")


class Subject(NamedTuple):
    """What is looked at, of one identity."""

    key: str
    scope: str
    kind: str
    names: tuple[str, ...]  # its name, and its e-mail where known
    path: str | None
    tags: Mapping[str, str]
    console_access: int | None
    mfa: int | None
    keys: int | None  # keys it has; None: not collected


def classify(subject: Subject, roster: Roster) -> Classification:
    """The classification row of one identity."""
    nature, reason, confidence = _judge(subject, roster)
    return Classification(subject.key, subject.scope, nature, reason, confidence)


def _judge(subject: Subject, roster: Roster) -> tuple[str, str, str]:
    if subject.kind == "root":
        return "unknown", "the root identity belongs to the account", "proven"
    if subject.kind == "group":
        return "unknown", "a group has members of either sort", "proven"
    if subject.kind != "user":
        return "machine", f"kind {subject.kind}", "proven"
    return (
        _by_tags(subject.tags)
        or _by_roster(subject.names, roster)
        or _by_words(subject.names[0], subject.path or "")
        or _by_use(subject)
    )


def _by_tags(tags: Mapping[str, str]) -> tuple[str, str, str] | None:
    said: dict[str, str] = {}
    for tag, value in sorted(tags.items()):
        key = plain_key(tag)
        if key not in SPEAKING_KEYS:
            continue
        word = plain_key(value)
        flag = "machine" if key in MACHINE_FLAGS else "person" if key in PERSON_FLAGS else None
        nature: str | None = None
        if flag and word in _TRUE:
            nature = flag
        elif flag and word in _FALSE:
            nature = "person" if flag == "machine" else "machine"
        elif not flag:
            nature = "machine" if word in MACHINE_TYPES else "person" if word in PERSON_TYPES else None
        if nature:
            said.setdefault(nature, f"tag {tag}={value}")
    if len(said) > 1:
        return "unknown", "contradicting tags: " + ", ".join(sorted(said.values())), "proven"
    for nature, reason in said.items():
        return nature, reason, "proven"
    return None


def _by_roster(names: Sequence[str], roster: Roster) -> tuple[str, str, str] | None:
    for name in names:
        if match := roster.find(name):
            return "person", f"{match.by} in the people roster", "proven" if match.by == "email" else "conditional"
    return None


def _by_words(name: str, path: str) -> tuple[str, str, str] | None:
    if words := sorted(PERSON_PATHS.intersection(_words(path))):
        return "person", f"path with the word {words[0]}", "possible"
    if words := sorted(MACHINE_WORDS.intersection(_words(path))):
        return "machine", f"path with the word {words[0]}", "possible"
    if words := sorted(MACHINE_WORDS.intersection(_words(name))):
        return "machine", f"name with the word {words[0]}", "possible"
    return None


def _by_use(subject: Subject) -> tuple[str, str, str]:
    if subject.console_access is None:
        return "unknown", "console access was not collected", "possible"
    if subject.keys is None:
        return "unknown", "access keys were not collected", "possible"
    if subject.console_access and subject.keys:
        if subject.mfa:
            return "person", "console password with MFA, beside access keys", "possible"
        return "unknown", "console password and access keys", "possible"
    if subject.console_access:
        return "person", "console password and no access key", "conditional" if subject.mfa else "possible"
    if subject.keys:
        return "machine", "access keys and no console password", "conditional"
    return "unknown", "neither console password nor access keys", "possible"


def _words(text: str) -> set[str]:
    """The words of a name or path, digits at their end left off: ``svc-ci01`` gives svc, ci."""
    return {word.rstrip("0123456789") for word in _WORD.findall(text.casefold())} - {""} if text else set()
