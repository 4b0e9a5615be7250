"""How the REST services answer: errors in Google's shape, pages with tokens that belong to one walk."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


@dataclass
class Refusal(Exception):
    """A call that is not answered with what it asked for."""

    code: int
    message: str
    reason: str | None = None  # of the ErrorInfo: "SERVICE_DISABLED", "IAM_PERMISSION_DENIED"
    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> Json:
        error: Json = {"code": self.code, "message": self.message, "status": STATUS.get(self.code, "UNKNOWN")}
        if self.reason:
            detail = {"@type": ERROR_INFO, "reason": self.reason, "domain": "googleapis.com"}
            error["details"] = [{**detail, "metadata": dict(self.metadata)}]
        return {"error": error}


def denied(permission: str, resource: str) -> Refusal:
    """Refused for lack of a permission; whether the resource exists is not told."""
    return Refusal(
        403,
        f"Permission '{permission}' denied on resource '{resource}' (or it may not exist).",
        "IAM_PERMISSION_DENIED",
        {"permission": permission, "resource": resource},
    )


def api_disabled(service: str, number: str) -> Refusal:
    """The API is not switched on in the project."""
    return Refusal(
        403,
        f"{service} API has not been used in project {number} before or it is disabled.",
        "SERVICE_DISABLED",
        {"service": service, "consumer": f"projects/{number}"},
    )


def invalid(message: str) -> Refusal:
    return Refusal(400, message)


def missing(what: str) -> Refusal:
    return Refusal(404, f"{what} was not found.")


class Query:
    """The parameters of a call. What nobody read is refused, as Google refuses a parameter it does not know."""

    def __init__(self, pairs: Sequence[tuple[str, str]], known: Sequence[str]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if name not in known and name not in ("fields", "alt", "prettyPrint", "$alt"):
                raise invalid(f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.')
            self._values.setdefault(name, []).append(value)

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(self._values.get(name, ()))

    def one(self, name: str) -> str | None:
        return self._values.get(name, [None])[-1]

    def true(self, name: str) -> bool:
        return (self.one(name) or "").lower() == "true"

    def walk(self) -> str:
        """What must stay the same from page to page."""
        rest = {name: values for name, values in self._values.items() if name not in ("pageToken", "pageSize")}
        return json.dumps(rest, sort_keys=True)


@dataclass(frozen=True)
class Sizes:
    """Items on a page: where nothing is asked for, and at most."""

    default: int
    most: int
    size: str = "pageSize"


def page(
    query: Query, place: str, items: Sequence[Any], sizes: Sizes, *, short_every: int = 0
) -> tuple[list[Any], str]:
    """The items of one page and the token of the next ("" on the last).

    ``place`` names method and resource: a token of another walk is refused. With ``short_every`` n each n-th page
    shows half of what it could, with a token all the same.
    """
    asked = query.one(sizes.size)
    if asked is not None and (not asked.lstrip("-").isdigit() or int(asked) < 0):
        raise invalid(f"Invalid value for {sizes.size}.")
    size = min(int(asked or 0) or sizes.default, sizes.most)
    walk = hashlib.sha256(f"{place}\0{query.walk()}".encode()).hexdigest()[:16]
    start, number = 0, 1
    if token := query.one("pageToken"):
        try:
            kept, start, number = json.loads(base64.urlsafe_b64decode(token.encode()))
        except ValueError:
            raise invalid("The page token is invalid.") from None
        if kept != walk:
            raise invalid("The page token does not belong to this request.")
    if short_every and number % short_every == 0:
        size = max(1, size // 2)
    shown = list(items[start : start + size])
    if start + size >= len(items):
        return shown, ""
    text = json.dumps([walk, start + size, number + 1], separators=(",", ":"))
    return shown, base64.urlsafe_b64encode(text.encode()).decode()


def masked(answer: Json, fields: str | None) -> Json:
    """A partial answer: ``a,b(c,d/e),nextPageToken``. What is not named does not cross the wire."""
    if not fields or fields == "*":
        return answer
    tree = _parse(fields)
    return {name: _pick(answer[name], below) for name, below in tree.items() if name in answer}


_Tree = dict[str, Any]


def _parse(fields: str) -> _Tree:
    tree: _Tree = {}
    stack = [tree]
    word = ""

    def close() -> _Tree | None:
        nonlocal word
        if not word:
            return None
        node = stack[-1]
        for part in word.split("/"):
            node = node.setdefault(part, {})
        word = ""
        return node

    for letter in fields:
        if letter == "(":
            opened = close()
            if opened is None:
                raise invalid(f"Invalid field selection {fields}")
            stack.append(opened)
        elif letter == ")":
            close()
            stack.pop()
            if not stack:
                raise invalid(f"Invalid field selection {fields}")
        elif letter == ",":
            close()
        else:
            word += letter
    close()
    if len(stack) != 1:
        raise invalid(f"Invalid field selection {fields}")
    return tree


def _pick(value: Any, tree: _Tree) -> Any:
    if not tree or "*" in tree:
        return value
    if isinstance(value, list):
        return [_pick(one, tree) for one in value]
    if isinstance(value, dict):
        return {name: _pick(value[name], below) for name, below in tree.items() if name in value}
    return value
