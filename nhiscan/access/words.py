"""The words in which access is told to people, one for each word of the vocabulary. Names in them are as they came."""

from collections.abc import Iterable, Mapping

from nhiscan.access.names import Names
from nhiscan.access.paths import Allow, Hop, Path, strings

LEVELS: Mapping[str, str] = {
    "administrator": "administrator",
    "escalates_to_administrator": "can become administrator",
    "escalates": "can get more than it has",
    "permissions_management": "permissions management",
    "write": "write",
    "tagging": "tagging",
    "read": "read",
    "list": "list",
    "none": "none",
    "unknown": "unknown",
}
"""Levels of `nhiscan.model.PRIVILEGE_LEVELS` and `nhiscan.model.ACCESS_LEVELS`."""

OUTCOMES: Mapping[str, str] = {"administrator": "administrator", "more": "more than it has"}
GRADES: Mapping[str, str] = {
    "exploitable_now": "exploitable now",
    "needs_resource": "needs a resource",
    "conditional": "hangs on a condition",
}
CATEGORIES: Mapping[str, str] = {
    "self_escalation": "changes its own rights",
    "principal_access": "takes over",
    "assume_role": "becomes",
    "new_passrole": "runs something new as",
    "existing_passrole": "uses what runs as",
    "chain": "reaches",
}
CAPABILITIES: Mapping[str, str] = {
    "administrator": "every action on everything",
    "scope_administrator": "every action on a part",
    "service_administrator": "every action of a service",
    "level": "actions of a level",
    "exclusion": "everything but what is named",
    "pass_role": "hand roles to services",
    "assume_role": "become roles",
    "permissions_management": "change who may do what",
    "credential_creation": "make long-lived credentials",
    "credential_exposure": "obtain credentials",
    "secret_read": "read secrets and data",
    "guardrail_removal": "take guardrails away",
    "code_execution": "run code as what exists",
    "account_takeover": "set how others sign in",
    "federation_change": "change whose tokens are taken",
    "membership_change": "join groups with rights",
    "lockout": "shut everybody out",
    "unknown": "a policy that could not be read",
}
EFFECTS: Mapping[str, str] = {
    "allowed": "allowed",
    "bounded": "held back by a permissions boundary",
    "denied": "taken away by a deny or by a policy of the organisation",
}
LAYERS: Mapping[str, str] = {
    "identity": "its own policy",
    "group": "a policy of its group",
    "permissions_boundary": "permissions boundary",
    "service_control_policy": "service control policy",
    "resource_control_policy": "resource control policy",
    "deny_assignment": "deny assignment",
    "trust": "trust policy",
    "resource": "policy of the resource",
    "session": "session policy",
}


def limits(limited_by: str | None, names: Names) -> list[str]:
    """What takes something away, one text each, from ``limited_by`` ("<kind>|<key of a Grant>|<statement>")."""
    found = []
    for entry in strings(limited_by):
        kind, _, rest = entry.partition("|")
        key, _, statement = rest.rpartition("|")
        source = names.source(key) if key else None
        named = source.words if source and source.kind else " ".join([LAYERS.get(kind, kind), key]).strip()
        found.append(named + _statement(statement))
    return found


def allowed_by(allow: Allow) -> str:
    """What allows it: iam:PassRole on * by inline policy deploy of user ci, statement 1."""
    text = allow.action + (f" on {allow.resource}" if allow.resource else "")
    if allow.source.name:
        text += f" by {allow.source.words}" + _statement(allow.statement)
    return text + conditions(allow.conditions)


def weakest(allow: Allow) -> str:
    """The smallest change that breaks a path: take iam:PassRole out of statement 1 of inline policy deploy."""
    if not allow.source.name:
        return f"take {allow.action} away"
    if allow.source.kind == "owned_by" and allow.source.holder:
        return f"remove {allow.source.name} as an owner of {allow.source.holder.words}"
    if allow.source.kind == "app_role" and allow.source.holder:
        return f"take {allow.source.name} away from {allow.source.holder.words}"
    if allow.source.kind == "federated_credential":
        return f"remove {allow.source.words}"
    inside = f"statement {allow.statement} of " if allow.statement else ""
    return f"take {allow.action} out of {inside}{allow.source.words}"


def conditions(keys: Iterable[str]) -> str:
    listed = ", ".join(keys)
    return f", under a condition on {listed}" if listed else ""


def hop(step: Hop) -> str:
    """A hop in one sentence: ci-runner runs something new as deployer."""
    verb = CATEGORIES.get(step.category, step.method or "reaches")
    if step.target is not None and step.target.key == step.source.key:
        own = verb if step.category == "self_escalation" else f"{verb} itself"
        return f"{step.source.name} {own}"
    if step.target is None:
        return f"{step.source.name} {verb} an identity that is not known"
    return f"{step.source.name} {verb} {step.target.name}"


def outcome(way: Path) -> str:
    """What the path ends in: administrator, more than it has."""
    return OUTCOMES.get(way.row.outcome, way.row.outcome)


def standing(way: Path) -> str:
    """How sure it is: exploitable now, proven."""
    grade = GRADES.get(way.row.grade, way.row.grade)
    return ", ".join(part for part in (grade, way.row.confidence) if part)


def way(found: Path) -> str:
    """The path on one line: ci > deployer > admin. Who changes its own rights is followed by "itself"."""
    stops = [found.hops[0].source.name]
    for step in found.hops:
        if step.target is None:
            stops.append("an identity that is not known")
        else:
            stops.append("itself" if step.target.key == step.source.key else step.target.name)
    return " > ".join(stops)


def _statement(statement: str) -> str:
    return f", statement {statement}" if statement else ""
