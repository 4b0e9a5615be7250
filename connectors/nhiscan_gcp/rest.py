"""The REST APIs: one read, repeated while that may help, noted once, never redirected."""

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import AuthorizedSession

from nhiscan.connector import BadAnswer, Context, Redirected
from nhiscan_gcp.failures import NotCredible, Refused, Unreachable
from nhiscan_gcp.noting import Note
from nhiscan_gcp.pace import Pace
from nhiscan_gcp.retry import RETRIED, Patience

CONNECT, READ = 10, 60  # seconds
Json = Mapping[str, Any]
PACES = {"apikeys": 0.25, "logging": 1.0}
"""API -> seconds between two calls: a project has 240 reads of API keys and 60 of log entries a minute."""
_IDS = ("x-goog-request-id", "x-request-id", "x-guploader-uploadid", "x-cloud-trace-context")


class Rest:
    """Google's REST APIs with one set of credentials. Any number of threads may ask at once.

    A session of `requests` is not to be shared between threads: each call borrows one.
    """

    def __init__(
        self, credentials: Any, addresses: Mapping[str, str], context: Context, quota_project: str | None
    ) -> None:
        self._credentials = credentials
        self._addresses = addresses
        self._context = context
        self._headers = {"User-Agent": f"nhiscan/{context.version}" if context.version else "nhiscan"}
        if quota_project:
            self._headers["x-goog-user-project"] = quota_project
        self._paces = {api: Pace(context, seconds) for api, seconds in PACES.items()}
        self._idle: deque[Any] = deque()  # append and pop are atomic

    @contextmanager
    def _session(self) -> Iterator[Any]:
        try:
            session = self._idle.pop()
        except IndexError:
            session = AuthorizedSession(self._credentials)  # type: ignore[no-untyped-call]
            session.auth = lambda request: request  # a .netrc would replace the token
        try:
            yield session
        finally:
            self._idle.append(session)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def get(self, api: str, operation: str, path: str, **query: Any) -> Json:
        """One answer that has no pages."""
        note = Note(self._context, api, operation, self._addresses[api], path=path, **query)
        answer, told = self._ask("GET", api, operation, path, query, None, note)
        note.done(**told)
        return answer

    def post(self, api: str, operation: str, path: str, body: Json, **query: Any) -> Json:
        """One answer of a reading method that wants a body. Its words stand in the path."""
        note = Note(self._context, api, operation, self._addresses[api], path=path, **query)
        answer, told = self._ask("POST", api, operation, path, query, body, note)
        note.done(**told)
        return answer

    def pages(
        self, api: str, operation: str, path: str, name: str, *, body: Json | None = None, **query: Any
    ) -> Iterator[tuple[list[Json], Json]]:
        """The items of each page under ``name``, with the whole answer, up to the page that names no next one.

        With a ``body`` it is a POST, and the token goes into the body. BadAnswer where a page is not one, or names
        itself as the next.
        """
        token, number = "", 0
        while True:
            number += 1
            note = Note(self._context, api, operation, self._addresses[api], path=path, **query, **(body or {}))
            note.page = number
            following_on = {"pageToken": token} if token else {}
            if body is None:
                answer, told = self._ask("GET", api, operation, path, {**query, **following_on}, None, note)
            else:
                answer, told = self._ask("POST", api, operation, path, query, {**body, **following_on}, note)
            following = answer.get("nextPageToken") or ""
            items = answer.get(name) or []
            note.done(**told, items=len(items) if isinstance(items, list) else None, more=bool(following))
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise BadAnswer(operation, f"has something else than a list of objects as {name}")
            if not isinstance(following, str) or (token and following == token):
                raise BadAnswer(operation, "names no page as the next that could be one")
            yield items, answer
            if not following:
                return
            token = following

    def _ask(
        self, verb: str, api: str, operation: str, path: str, query: Json, body: Json | None, note: Note
    ) -> tuple[Json, dict[str, Any]]:
        """The answer, and what the transcript shall say of it. An error is noted here."""
        patience = Patience(self._context)
        url = f"{self._addresses[api]}/{path}"
        while True:
            patience.attempts += 1
            if api in self._paces:
                self._paces[api].wait()
            try:
                with self._session() as session:
                    got = session.request(
                        verb,
                        url,
                        params=query,
                        json=body,
                        headers=self._headers,
                        timeout=(CONNECT, READ),
                        allow_redirects=False,
                    )
                    raw: bytes = got.content
            except GoogleAuthError as error:
                kind = type(error).__name__
                if (error.retryable or isinstance(error, TransportError)) and patience.wait():
                    continue
                note.done(patience.attempts, error=kind)
                raise NotCredible(kind) from error
            except requests.RequestException as error:
                if patience.wait():
                    continue
                kind = type(error).__name__
                note.done(patience.attempts, error=kind)
                raise Unreachable(operation, kind, patience.attempts) from error
            if got.status_code not in RETRIED or not patience.wait(got.headers.get("Retry-After")):
                break
        told = {
            "attempts": patience.attempts,
            "status": got.status_code,
            "request_id": next((got.headers[name] for name in _IDS if name in got.headers), None),
            "digest": hashlib.sha256(raw).hexdigest(),
        }
        problem: Exception | None = None
        answer: Any = None
        if 300 <= got.status_code < 400:
            problem = Redirected(operation, urlsplit(got.headers.get("Location", "")).hostname or "")
        elif got.status_code != 200:
            problem = refused(operation, got.status_code, raw, patience.attempts)
        else:
            answer = _object(raw)
            if answer is None:
                problem = BadAnswer(operation, "is no JSON object")
        if problem is not None:
            code = problem.code if isinstance(problem, Refused) else type(problem).__name__
            note.done(**told, error=code)
            raise problem
        return answer, told


def refused(operation: str, status: int, raw: bytes, attempts: int) -> Refused:
    """An error of an API, in Google's shape or in any other."""
    error = (_object(raw) or {}).get("error")
    error = error if isinstance(error, dict) else {}
    reason = permission = None
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and str(detail.get("@type", "")).endswith("google.rpc.ErrorInfo"):
            reason = str(detail.get("reason") or "") or None
            metadata = detail.get("metadata")
            if isinstance(metadata, dict) and metadata.get("permission"):
                permission = str(metadata["permission"])
    code = str(error.get("status") or status)
    return Refused(operation, status, code, str(error.get("message") or code), reason, permission, attempts)


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
