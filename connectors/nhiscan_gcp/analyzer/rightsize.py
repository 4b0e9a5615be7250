"""Roles with what an account has used, and nothing that it does not have.

The recommender tells the permissions that were used of roles on projects, and for which services it looked. Of those
services the permissions that were not used go. What is bound anywhere else, or is about another service, stays.
"""

import json
from typing import Any

from nhiscan_gcp.analyzer.estate import Binding, Estate, Principal
from nhiscan_gcp.analyzer.permissions import service_of


def right_sized(estate: Estate, principal: Principal) -> str | None:
    """JSON: a custom role a project (``resource``, ``includedPermissions``) and the bindings that stay (``unchanged``).

    None where nothing is known of use.
    """
    seen: dict[str, set[str]] = {}
    used: dict[str, set[str]] = {}
    for node in estate.tree.nodes:
        for use in estate.records.uses(node):
            if use.identity != principal.key:
                continue
            if use.action is None:
                seen.setdefault(node, set()).add(use.service)
            elif use.used_at is not None:
                used.setdefault(node, set()).add(use.action)
    if not seen and not used:
        return None
    roles = []
    unchanged = [_written(estate, one) for one in principal.bindings if one.place not in seen]
    for node in sorted(seen):
        some = [one for one in principal.bindings if one.place == node]
        held = 0
        for one in some:
            if one.condition is None and one.role.reason is None:
                held |= one.role.mask
            else:  # what a condition narrows, or nobody read, cannot be put together with the rest
                unchanged.append(_written(estate, one))
        kept = [
            name
            for name in estate.table.listed(held)
            if name in used.get(node, ()) or service_of(name) not in seen[node]
        ]
        roles.append(
            {
                "resource": estate.resource_of(node),
                "title": f"Used by {principal.name}",
                "stage": "GA",
                "includedPermissions": kept,
            }
        )
    unchanged.sort(key=lambda one: (one["resource"], one["role"], one.get("condition", "")))
    return json.dumps({"roles": roles, "unchanged": unchanged}, separators=(",", ":"))


def _written(estate: Estate, binding: Binding) -> dict[str, Any]:
    found = {"resource": estate.resource_of(binding.place), "role": binding.role.name}
    if binding.condition is not None:
        found["condition"] = binding.condition.expression
    return found
