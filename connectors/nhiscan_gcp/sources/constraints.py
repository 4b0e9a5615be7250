"""Constraints on keys, as settings: ``orgpolicy.constraints``, on organisations and on projects that hold such keys."""

from collections.abc import Iterator
from typing import Any

from nhiscan.connector import BadAnswer, Reader
from nhiscan.model import Record, Setting
from nhiscan_gcp.node import Node
from nhiscan_gcp.records import canonical

EACH = "orgpolicy.constraints"
CONSTRAINTS = {
    "iam.disableServiceAccountKeyCreation": "org_policy.disable_service_account_key_creation",
    "iam.disableServiceAccountKeyUpload": "org_policy.disable_service_account_key_upload",
    "iam.serviceAccountKeyExpiryHours": "org_policy.service_account_key_expiry_hours",
    "iam.serviceAccountKeyExposureResponse": "org_policy.service_account_key_exposure_response",
}
_OPERATION = "orgpolicy.policies.getEffectivePolicy"


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """What holds for each constraint, with what is inherited. A project whose keys are not known is asked, too."""
    del reader
    if node.scope.kind == "project" and node.user_keys() == frozenset():
        return
    for constraint, name in CONSTRAINTS.items():
        path = f"v2/{node.name}/policies/{constraint}:getEffectivePolicy"
        spec = node.rest.get("orgpolicy", _OPERATION, path, fields="spec(rules)").get("spec", {})
        rules = spec.get("rules", []) if isinstance(spec, dict) else None
        if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
            raise BadAnswer(_OPERATION, "has rules that are none")
        number, text = _value(rules)
        yield Setting(f"{node.key}|{name}", node.key, name, number, text, EACH)


def _value(rules: list[dict[str, Any]]) -> tuple[int | None, str | None]:
    """1 or 0 for a constraint that is on or off for everybody; the values of a list; else the rules as JSON."""
    if any("condition" in rule for rule in rules):
        return None, canonical(rules)
    if len(rules) > 1:
        return None, canonical(rules)
    rule = rules[0] if rules else {"enforce": False}
    if isinstance(rule.get("enforce"), bool):
        return int(rule["enforce"]), None
    values: Any = rule.get("values")
    allowed = values.get("allowedValues") if isinstance(values, dict) and len(values) == 1 else None
    if isinstance(allowed, list):
        return None, ",".join(sorted(map(str, allowed)))
    return None, canonical(rules) if any(rules) else ""
