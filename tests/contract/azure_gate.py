"""The schema gates of the simulated Entra ID and Azure: what leaves it must be what Microsoft's own schemas allow.

Graph answers are held against the published types (CSDL), stricter than they ask: the types are open there, and here
nothing may stand that they do not declare. Answers of Resource Manager are held against the model classes of the
azure-mgmt packages, and read by Microsoft's own deserializers. A row of Resource Graph is held against the model of its
type.
"""

import base64
import binascii
import importlib
import inspect
import re
import types
import typing
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from azure.core.exceptions import DeserializationError

from nhiscan_azure.simulated.gateway import Answered

DATA = Path(__file__).parents[1] / "data" / "graph"
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z|[+-]\d\d:\d\d)", re.ASCII)
DURATION = re.compile(r"-?P(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?", re.ASCII)
INTEGERS = {"Edm.Byte": 8, "Edm.Int16": 16, "Edm.Int32": 32, "Edm.Int64": 64}
Problems = Iterator[str]


def problems(answered: Answered) -> Problems:
    """What is wrong with an answer, in words."""
    body = answered.body
    if answered.entity == "error":
        return _error(answered.service, body)
    if answered.service == "login":
        return _login(answered.action, body)
    if answered.service == "graph":
        return _graph(answered)
    return _resource_graph(body) if answered.service == "arg" else _manager(answered)


# --- Microsoft Graph ---


@cache
def schema(version: str) -> Mapping[str, ET.Element]:
    """Type name -> its declaration; the beta has what v1.0 has, and more."""
    found = {str(one.get("Name")): one for one in ET.parse(DATA / "v1.0.xml").getroot()}
    if version == "beta":
        found |= {str(one.get("Name")): one for one in ET.parse(DATA / "beta.xml").getroot()}
    return found


@cache
def declared(version: str, name: str) -> Mapping[str, ET.Element]:
    """Property -> declaration, of a type with what it is derived from."""
    found = schema(version)[name]
    base = str(found.get("BaseType", "")).rpartition(".")[2]
    inherited = dict(declared(version, base)) if base else {}
    kinds = (EDM + "Property", EDM + "NavigationProperty")
    return {**inherited, **{str(one.get("Name")): one for one in found if one.tag in kinds}}


def _graph(answered: Answered) -> Problems:
    body, version = answered.body, answered.version
    if answered.entity == "batch":
        yield from _batch(body)
        return
    if not isinstance(body, dict):
        yield "the answer is no object"
        return
    if not answered.many:
        yield from entity(version, answered.entity, body, answered.entity)
        return
    for name in set(body) - {"value", "@odata.context", "@odata.nextLink", "@odata.count"}:
        yield f"{name} does not belong beside a list"
    if not isinstance(body.get("value"), list):
        yield "the answer has no list"
        return
    for number, one in enumerate(body["value"]):
        shown = _mended(one) if answered.entity == "appCredentialSignInActivity" else one
        yield from entity(version, answered.entity, shown, f"value[{number}]")


def _mended(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the credential report without the two oddities that the real one is known for."""
    names = {"expirationDate": "expirationDateTime"}
    return {
        names.get(name, name): value.replace("-8:00", "-08:00") if isinstance(value, str) else value
        for name, value in row.items()
    }


def entity(version: str, name: str, value: Any, path: str) -> Problems:
    """An object of an entity or complex type, or of one derived from it that ``@odata.type`` names."""
    if not isinstance(value, dict):
        yield f"{path}: no object"
        return
    found = schema(version)
    if named := value.get("@odata.type"):
        actual = str(named).removeprefix("#microsoft.graph.")
        if actual not in found or name not in _lineage(version, actual):
            yield f"{path}: {named} is no {name}"
            return
        name = actual
    elif name == "directoryObject":
        yield f"{path}: a directory object has to say its type"
        return
    for key, one in value.items():
        if "@" in key:
            if not re.fullmatch(r"(\w+)?@odata\.(type|id|context|nextLink|count)", key):
                yield f"{path}.{key}: no such annotation"
        elif key not in declared(version, name):
            yield f"{path}.{key}: no such property of {name}"
        else:
            declaration = declared(version, name)[key]
            yield from _value(version, declaration, one, f"{path}.{key}")


def _lineage(version: str, name: str) -> Iterator[str]:
    while name:
        yield name
        name = str(schema(version)[name].get("BaseType", "")).rpartition(".")[2]


def _value(version: str, declaration: ET.Element, value: Any, path: str) -> Problems:
    kind = str(declaration.get("Type"))
    if kind.startswith("Collection("):
        if not isinstance(value, list):
            yield f"{path}: no list"
            return
        for number, one in enumerate(value):
            yield from _single(version, kind[len("Collection(") : -1], one, f"{path}[{number}]")
    elif value is None:
        if declaration.get("Nullable") == "false":
            yield f"{path}: null is not allowed"
    else:
        yield from _single(version, kind, value, path)


def _single(version: str, kind: str, value: Any, path: str) -> Problems:
    if not kind.startswith("Edm."):
        name = kind.rpartition(".")[2]
        if schema(version)[name].tag != EDM + "EnumType":
            yield from entity(version, name, value, path)
            return
        members = {one.get("Name") for one in schema(version)[name]}
        several = schema(version)[name].get("IsFlags") == "true"
        given = str(value).split(",") if several else [value]
        for one in given:
            if one not in members:
                yield f"{path}: {one!r} is none of {name}"
        return
    if not _primitive(kind, value):
        yield f"{path}: {value!r} is no {kind}"


def _primitive(kind: str, value: Any) -> bool:
    if kind in INTEGERS:
        whole = isinstance(value, int) and not isinstance(value, bool)
        least = 0 if kind == "Edm.Byte" else -(2 ** (INTEGERS[kind] - 1))
        return whole and least <= value < 2 ** (INTEGERS[kind] - (kind != "Edm.Byte"))
    if kind in ("Edm.Double", "Edm.Single", "Edm.Decimal"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "Edm.Boolean":
        return isinstance(value, bool)
    if not isinstance(value, str):
        return False
    if kind == "Edm.Guid":
        return _parses(uuid.UUID, value) and len(value) == 36
    if kind == "Edm.DateTimeOffset":
        return TIME.fullmatch(value) is not None and _parses(_instant, value)
    if kind == "Edm.Date":
        return _parses(datetime.fromisoformat, value) and len(value) == 10
    if kind == "Edm.Duration":
        return DURATION.fullmatch(value) is not None and value not in ("P", "PT")
    if kind == "Edm.Binary":
        return _parses(lambda text: base64.b64decode(text, validate=True), value)
    return kind == "Edm.String"


def _parses(read: typing.Callable[[str], Any], text: str) -> bool:
    try:
        read(text)
    except (ValueError, binascii.Error):
        return False
    return True


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d", r"\1", text))


def _batch(body: Any) -> Problems:
    if set(body) != {"responses"}:
        yield "a batch answers with responses alone"
    for one in body["responses"]:
        if set(one) != {"id", "status", "headers", "body"} or not isinstance(one["status"], int):
            yield f"an answer of a batch has {sorted(one)}"
        elif one["status"] != 200:
            yield from _error("graph", one["body"])


def _error(service: str, body: Any) -> Problems:
    """Errors have a code and a message; those of Graph say which request they answer, those of ARM may have details."""
    if service == "login":
        if set(body) != {"error", "error_description", "error_codes"}:
            yield f"an error of the login service has {sorted(body)}"
        return
    error = body.get("error", {})
    more = {"graph": {"innerError"}, "arm": {"details"}}[service]
    if set(body) != {"error"} or not {"code", "message"} <= set(error) <= {"code", "message"} | more:
        yield f"an error has {sorted(error)}"
    if service == "graph" and set(error.get("innerError", ())) != {"date", "request-id", "client-request-id"}:
        yield "an error of Graph says which request it answers"


def _login(action: str, body: Any) -> Problems:
    """The two answers that azure-identity reads."""
    if action.endswith("openid-configuration"):
        for name in ("token_endpoint", "authorization_endpoint", "issuer", "jwks_uri"):
            if not str(body.get(name)).startswith("https://"):
                yield f"{name} is no address"
    elif (
        set(body) != {"token_type", "expires_in", "ext_expires_in", "access_token"}
        or body["token_type"] != "Bearer"
        or not isinstance(body["expires_in"], int)
    ):
        yield f"a token comes with {sorted(body)}"


# --- Resource Manager ---


def _models(name: str) -> Any:
    return importlib.import_module(f"azure.mgmt.{name}.models")


MODELS = {
    "arm.subscriptions.list": ("subscription", "Subscription"),
    "arm.managementGroups.list": ("managementgroups", "ManagementGroupInfo"),
    "arm.managementGroups.get": ("managementgroups", "ManagementGroup"),
    "arm.managementGroups.descendants": ("managementgroups", "DescendantInfo"),
    "arm.roleAssignments": ("authorization.v2022_04_01", "RoleAssignment"),
    "arm.roleDefinitions": ("authorization.v2022_05_01_preview", "RoleDefinition"),
    "arm.permissions": ("authorization.v2022_04_01", "Permission"),
    "arm.denyAssignments": ("authorization.v2022_04_01", "DenyAssignment"),
    "arm.classicAdministrators": ("authorization.v2015_07_01", "ClassicAdministrator"),
    "arm.roleEligibilitySchedules": ("authorization.v2020_10_01", "RoleEligibilitySchedule"),
    "arm.roleEligibilityScheduleInstances": ("authorization.v2020_10_01", "RoleEligibilityScheduleInstance"),
    "arm.roleAssignmentSchedules": ("authorization.v2020_10_01", "RoleAssignmentSchedule"),
    "arm.roleAssignmentScheduleInstances": ("authorization.v2020_10_01", "RoleAssignmentScheduleInstance"),
    "arm.federatedIdentityCredentials": ("msi.v2024_11_30", "FederatedIdentityCredential"),
    "arm.vaults.secrets": ("keyvault", "Secret"),
    "arm.vaults.keys": ("keyvault", "Key"),
    "arm.storageAccounts.listKeys": ("storage", "StorageAccountListKeysResult"),
}
"""Method -> package and model of an item of its list, or of its answer."""
RESOURCES = {
    "microsoft.managedidentity/userassignedidentities": ("msi.v2024_11_30", "Identity"),
    "microsoft.storage/storageaccounts": ("storage", "StorageAccount"),
    "microsoft.keyvault/vaults": ("keyvault", "Vault"),
    "microsoft.cognitiveservices/accounts": ("cognitiveservices", "Account"),
}
"""Type of a resource, in lower case -> package and model. Other types are held to the envelope of a resource."""
ROWS = {
    "microsoft.authorization/roleassignments": MODELS["arm.roleAssignments"],
    "microsoft.authorization/roledefinitions": MODELS["arm.roleDefinitions"],
    "microsoft.authorization/classicadministrators": MODELS["arm.classicAdministrators"],
    **RESOURCES,
}
ENVELOPE = {"id", "name", "type", "location", "tags", "kind", "sku", "identity", "properties", "zones", "plan"}
NEWER = {"Subscription": {"tenantId", "tags"}}
"""Fields that newer api-versions than those of the package have."""
ENUMS = {
    ("RoleAssignment", "principalType"): "PrincipalType",
    ("RoleEligibilitySchedule", "principalType"): "PrincipalType",
    ("RoleEligibilityScheduleInstance", "memberType"): "MemberType",
    ("RoleEligibilityScheduleInstance", "status"): "Status",
    ("RoleAssignmentScheduleInstance", "assignmentType"): "AssignmentType",
    ("RoleAssignmentScheduleInstance", "status"): "Status",
    ("Subscription", "state"): "SubscriptionState",
}
"""(model, property) -> enumeration that the model leaves out: there it is only a text."""


def _manager(answered: Answered) -> Problems:
    body = answered.body
    items = [body]
    if answered.many:
        if set(body) - {"value", "nextLink"} or not isinstance(body["value"], list):
            yield f"a list has {sorted(body)}"
            return
        items = body["value"]
    for number, one in enumerate(items):
        path = f"value[{number}]"
        if answered.action == "arm.resources.list":
            yield from _resource(one, path)
        elif answered.action in ("arm.resourceGroups.list", "arm.resources.all"):
            yield from _keys_of(one, ENVELOPE, path)
        else:
            yield from _of_model(*MODELS[answered.action], one, path)


def _resource(value: Any, path: str) -> Problems:
    model = RESOURCES.get(str(value.get("type")).lower())
    if model is None:
        yield from _keys_of(value, ENVELOPE, path)
    else:
        yield from _of_model(*model, value, path)


def _keys_of(value: Mapping[str, Any], allowed: set[str], path: str) -> Problems:
    for name in set(value) - allowed:
        yield f"{path}.{name}: does not belong there"


def _resource_graph(body: Any) -> Problems:
    """The envelope by the model of Resource Graph, each row by that of its type as far as it is shown whole."""
    yield from _of_model("resourcegraph", "QueryResponse", body, "answer")
    if body.get("resultTruncated") not in ("true", "false"):
        yield "resultTruncated is a text"
    if body.get("count") != len(body.get("data", ())):
        yield "count is the number of rows"
    for number, row in enumerate(body.get("data", ())):
        model = ROWS.get(str(row.get("type", "")).lower())
        if model is not None and isinstance(row.get("properties"), dict):
            names = ("id", "name", "type", "kind", "location", "sku", "identity", "properties")
            whole = {name: row[name] for name in names if row.get(name)}
            yield from _of_model(*model, whole, f"data[{number}]")


def _of_model(package: str, name: str, value: Any, path: str) -> Problems:
    models = _models(package)
    model = getattr(models, name)
    if hasattr(model, "_attribute_map"):
        try:
            model.deserialize(value)
        except DeserializationError as problem:
            yield f"{path}: {name} cannot be read: {problem}"
            return
        yield from _attributes(models, model, value, path)
    else:
        yield from _annotated(model, value, path)


def _attributes(models: Any, model: Any, value: Any, path: str) -> Problems:
    """An object against the attribute map of a model of the older kind."""
    if not isinstance(value, dict):
        yield f"{path}: no object"
        return
    kinds: dict[str, Any] = {}
    inner: dict[str, dict[str, str]] = {}
    for one in model._attribute_map.values():
        parts = re.split(r"(?<!\\)\.", one["key"])
        if len(parts) == 2:
            inner.setdefault(parts[0], {})[parts[1]] = one["type"]
        else:
            kinds[one["key"].replace("\\", "")] = one["type"]
    for name, one in value.items():
        if name in inner:
            for below, held in one.items():
                if below not in inner[name]:
                    yield f"{path}.{name}.{below}: no such property of {model.__name__}"
                else:
                    yield from _typed(models, inner[name][below], held, f"{path}.{name}.{below}")
                    yield from _enumerated(models, model, below, held, f"{path}.{name}.{below}")
        elif name in kinds:
            yield from _typed(models, kinds[name], one, f"{path}.{name}")
            yield from _enumerated(models, model, name, one, f"{path}.{name}")
        elif name not in NEWER.get(model.__name__, ()):
            yield f"{path}.{name}: no such property of {model.__name__}"


def _enumerated(models: Any, model: Any, name: str, value: Any, path: str) -> Problems:
    enum = ENUMS.get((model.__name__, name))
    if enum is not None and value is not None and value not in {one.value for one in getattr(models, enum)}:
        yield f"{path}: {value!r} is none of {enum}"


def _typed(models: Any, kind: str, value: Any, path: str) -> Problems:
    if value is None or kind == "object":
        return
    if kind[0] in "[{":
        several = value if isinstance(value, list) else value.values() if isinstance(value, dict) else None
        if several is None or isinstance(value, list) != (kind[0] == "["):
            yield f"{path}: no {kind}"
            return
        for number, one in enumerate(several):
            yield from _typed(models, kind[1:-1], one, f"{path}[{number}]")
    elif kind in ("str", "bool", "int", "float", "iso-8601", "duration"):
        if not _plain(kind, value):
            yield f"{path}: {value!r} is no {kind}"
    else:
        yield from _attributes(models, getattr(models, kind), value, path)


def _plain(kind: str, value: Any) -> bool:
    if kind == "iso-8601":
        return isinstance(value, str) and TIME.fullmatch(value) is not None
    if kind in ("int", "float"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, bool if kind == "bool" else str)


def _annotated(model: Any, value: Any, path: str) -> Problems:
    """An object against the annotations of a model of the newer kind, whose enumerations are part of them."""
    if not isinstance(value, dict):
        yield f"{path}: no object"
        return
    made = model({})
    fields = {held._rest_name: name for name, held in made._attr_to_rest_field.items()}
    hints = _hints(model)
    for name, one in value.items():
        if name not in fields:
            yield f"{path}.{name}: no such property of {model.__name__}"
        else:
            yield from _hinted(hints[fields[name]], one, f"{path}.{name}")


@cache
def _hints(model: Any) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for base in reversed(model.__mro__):
        if ".models." not in base.__module__:
            continue
        package = importlib.import_module(base.__module__.partition(".models")[0] + ".models")
        names = {**vars(typing), **vars(importlib.import_module(base.__module__)), "_models": package}
        one = type("One", (), {"__annotations__": dict(inspect.get_annotations(base))})
        found |= typing.get_type_hints(one, names)
    return found


def _hinted(hint: Any, value: Any, path: str) -> Problems:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return
        several = [one for one in arguments if one is not type(None)]
        enums = [one for one in several if isinstance(one, type) and issubclass(one, Enum)]
        if enums:
            if value not in {one.value for enum in enums for one in enum}:
                yield f"{path}: {value!r} is none of {enums[0].__name__}"
            return
        yield from _hinted(several[0], value, path)
    elif origin is list:
        if not isinstance(value, list):
            yield f"{path}: no list"
            return
        for number, one in enumerate(value):
            yield from _hinted(arguments[0], one, f"{path}[{number}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{path}: no object"
            return
        for name, one in value.items():
            yield from _hinted(arguments[1], one, f"{path}[{name}]")
    elif hint is datetime:
        # where a service counts seconds the generated classes say datetime, too
        if not (isinstance(value, int) or (isinstance(value, str) and TIME.fullmatch(value))):
            yield f"{path}: {value!r} is no time"
    elif hint in (str, bool, int, float, timedelta):
        if not _plain({str: "str", bool: "bool", int: "int", float: "float"}.get(hint, "str"), value):
            yield f"{path}: {value!r} is no {hint.__name__}"
    elif isinstance(hint, type) and issubclass(hint, Enum):
        if value not in {one.value for one in hint}:
            yield f"{path}: {value!r} is none of {hint.__name__}"
    elif hint is not Any and isinstance(hint, type):
        yield from _annotated(hint, value, path)
