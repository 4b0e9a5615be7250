"""Requests and answers as they cross the wire: addresses, bodies, headers."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from nhiscan_azure.simulated.answers import REASONS, bad_request

Json = dict[str, Any]
StartResponse = Callable[..., Any]
JSON = "application/json; charset=utf-8"


def base_of(environ: Mapping[str, Any]) -> str:
    """The address that a request was sent to."""
    return f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}"


def subscription_of(path: str) -> str:
    """The id of the subscription in a path without leading slash, "" where it names none."""
    parts = path.split("/")
    return parts[1].lower() if len(parts) > 1 and parts[0].lower() == "subscriptions" else ""


def json_object(body: bytes) -> Json:
    """The body of a request; {} for none. Raises Refusal."""
    if not body:
        return {}
    try:
        found = json.loads(body)
    except ValueError:
        raise bad_request("Unable to read JSON request payload.") from None
    if not isinstance(found, dict):
        raise bad_request("Unable to read JSON request payload.")
    return found


def send(
    start_response: StartResponse, status: int, answer: Json, headers: Mapping[str, str], kind: str = JSON
) -> Iterable[bytes]:
    """Send an answer as JSON."""
    lines = [("Content-Type", kind), *headers.items()]
    start_response(f"{status} {REASONS.get(status, 'Error')}", lines)
    return [json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()]


def asked(environ: Mapping[str, Any]) -> tuple[str, bytes]:
    """Path without its slashes, and body of a request."""
    return unquote(str(environ["RAW_URI"]).partition("?")[0]).strip("/"), environ["wsgi.input"].read()
