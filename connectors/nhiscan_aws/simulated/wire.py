"""Words on the wire, in AWS's query and JSON protocols, checked against botocore's model as they are written.

`answer` and `answer_json` walk the operation's own output shape. A field that the shape does not have raises
InventedField, so that no correction of the simulation can give a connector something that AWS never gives.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

XML, JSON = "text/xml", "application/x-amz-json-1.1"


class InventedField(Exception):
    """A simulated answer has a field that the service model does not know."""


class Refusal(Exception):
    """An error answer. ``code`` and ``status`` are AWS's, ``message`` is in its words."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(code, status, message)
        self.code = code
        self.status = status
        self.message = message


def no_such_entity(what: str) -> Refusal:
    """404: the thing asked for is not there."""
    return Refusal("NoSuchEntity", 404, what)


def invalid(message: str) -> Refusal:
    """400 ValidationError, as IAM words it."""
    return Refusal("ValidationError", 400, f"1 validation error detected: {message}")


def _size(size: int, rule: str) -> Refusal:
    return invalid(f"Value '{size}' at 'maxItems' failed to satisfy constraint: Member must have value {rule}")


class Form:
    """The parameters of a query-protocol request: ``UserName``, ``MaxItems``, ``Filter.member.1``."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> str | None:
        """A parameter, or None."""
        return self._values.get(name)

    def need(self, name: str) -> str:
        """A parameter that has to be there."""
        value = self._values.get(name)
        if value is None:
            wire = name[0].lower() + name[1:]
            raise invalid(f"Value null at '{wire}' failed to satisfy constraint: Member must not be null")
        return value

    def members(self, name: str) -> tuple[str, ...]:
        """A list parameter, in order."""
        prefix = f"{name}.member."
        numbered = {int(key[len(prefix) :]): value for key, value in self._values.items() if key.startswith(prefix)}
        return tuple(numbered[number] for number in sorted(numbered))

    def page_size(self, default: int = 100, most: int = 1000) -> int:
        """MaxItems; ValidationError outside 1 to ``most``."""
        text = self._values.get("MaxItems")
        if text is None:
            return default
        size = int(text)
        if size > most:
            raise _size(size, f"less than or equal to {most}")
        if size < 1:
            raise _size(size, "greater than or equal to 1")
        return size


@cache
def service_model(service: str) -> ServiceModel | None:
    """The model of a service by its signing name; None when it has none."""
    session = botocore.session.Session()
    if service not in session.get_available_services():
        return None
    return session.get_service_model(service)


@cache
def operation_model(service: str, operation: str) -> OperationModel | None:
    """The model of an operation; None when there is none of that name."""
    model = service_model(service)
    if model is None or operation not in model.operation_names:
        return None
    return model.operation_model(operation)


def answer(service: str, operation: str, result: Mapping[str, Any], request_id: str) -> bytes:
    """A good answer as XML."""
    model = operation_model(service, operation)
    if model is None:
        raise InventedField(f"{service}:{operation}")
    namespace = model.service_model.metadata["xmlNamespace"]
    body = ""
    if model.output_shape is not None:
        wrapper = model.output_shape.serialization.get("resultWrapper", f"{operation}Result")
        body = f"<{wrapper}>{_value(model.output_shape, result, operation)}</{wrapper}>"
    return (
        f'<{operation}Response xmlns="{namespace}">{body}'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    ).encode()


def answer_json(service: str, operation: str, result: Mapping[str, Any]) -> bytes:
    """A good answer of a service that speaks JSON."""
    model = operation_model(service, operation)
    if model is None:
        raise InventedField(f"{service}:{operation}")
    shape = model.output_shape
    return json.dumps({} if shape is None else _plain(shape, result, operation), separators=(",", ":")).encode()


def refusal(service: str, problem: Refusal, request_id: str) -> tuple[str, bytes]:
    """Content type and body of an error answer, in the protocol of the service."""
    model = service_model(service)
    if model is None or model.metadata.get("protocol") not in ("query", "ec2", "rest-xml"):
        body = {"__type": problem.code, "message": problem.message, "Message": problem.message}
        return JSON, json.dumps(body).encode()
    namespace = f' xmlns="{model.metadata["xmlNamespace"]}"' if "xmlNamespace" in model.metadata else ""
    kind = "Receiver" if problem.status >= 500 else "Sender"
    return XML, (
        f"<ErrorResponse{namespace}><Error><Type>{kind}</Type><Code>{escape(problem.code)}</Code>"
        f"<Message>{escape(problem.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    ).encode()


def time_text(at: int) -> str:
    """Epoch seconds as AWS writes them."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _value(shape: Shape, value: Any, where: str) -> str:
    if isinstance(shape, StructureShape):
        return _structure(shape, value, where)
    if isinstance(shape, ListShape):
        name = shape.member.serialization.get("name", "member")
        return "".join(f"<{name}>{_value(shape.member, item, where)}</{name}>" for item in value)
    if isinstance(shape, MapShape):
        pairs = [(_value(shape.key, key, where), _value(shape.value, item, where)) for key, item in value.items()]
        return "".join(f"<entry><key>{key}</key><value>{item}</value></entry>" for key, item in pairs)
    if shape.type_name == "timestamp":
        return time_text(value)
    if shape.type_name == "boolean":
        return "true" if value else "false"
    return escape(str(value))


def _plain(shape: Shape, value: Any, where: str) -> Any:
    """A value as JSON. Times are epoch seconds there."""
    if isinstance(shape, StructureShape):
        _check(shape, value, where)
        return {
            member.serialization.get("name", name): _plain(member, value[name], where)
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if isinstance(shape, ListShape):
        return [_plain(shape.member, item, where) for item in value]
    return value


def _check(shape: StructureShape, value: Mapping[str, Any], where: str) -> None:
    unknown = value.keys() - shape.members.keys()
    if unknown:
        raise InventedField(f"{where}: {', '.join(sorted(unknown))} in {shape.name}")


def _structure(shape: StructureShape, value: Mapping[str, Any], where: str) -> str:
    _check(shape, value, where)
    parts = []
    for name, member in shape.members.items():
        item = value.get(name)
        if item is not None:
            tag = member.serialization.get("name", name)
            parts.append(f"<{tag}>{_value(member, item, where)}</{tag}>")
    return "".join(parts)
