"""What an exception of a source means for coverage, in the provider's words and without secrets."""

import re

from nhiscan.connector import BadAnswer, Failure, InputNotRead, Redirected
from nhiscan_gcp.failures import NotCredible, Refused, Unreachable

DISABLED = "SERVICE_DISABLED"
_PERMISSION = re.compile(r"[Pp]ermission '?([\w.]+/?[\w.]+)'? denied")


def classify(error: BaseException) -> Failure:
    """The coverage of an exception."""
    if isinstance(error, Refused):
        return _refused(error)
    if isinstance(error, Unreachable | Redirected | BadAnswer):
        return Failure("failed", code=type(error).__name__, operation=error.operation, message=str(error))
    if isinstance(error, NotCredible | InputNotRead):
        return Failure("failed", code=type(error).__name__, message=str(error))
    return Failure("failed", code=type(error).__name__, message=clean(f"unexpected error: {error}"))


def _refused(error: Refused) -> Failure:
    said = clean(error.said) or error.code
    if error.reason == DISABLED:  # nothing was denied: the API does not answer for this project
        return Failure("failed", code=DISABLED, operation=error.operation, message=f"the API is not enabled: {said}")
    if error.status == 401:
        return Failure(
            "failed", code=error.code, operation=error.operation, message="the credentials were not accepted"
        )
    if error.status == 403:
        found = _PERMISSION.search(error.said)
        permission = error.permission or (found[1] if found else None)
        return Failure("denied", code=error.code, operation=error.operation, permission=permission, message=said)
    if error.status == 429:
        tries = f"{error.attempts} {'attempt' if error.attempts == 1 else 'attempts'}"
        said = f"throttled, given up after {tries}: {said}"
    return Failure("failed", code=error.code, operation=error.operation, message=said)


def clean(text: str) -> str:
    """One line, without ports, user names of URLs, tokens or anything else long enough to be one."""
    text = re.sub(r"(https?://)[^/\s\"'@]*@", r"\1", text)
    text = re.sub(r"(https?://[^/:\s\"']+):\d+", r"\1", text)
    text = re.sub(r"ya29\.[\w.-]+", "(left out)", text)
    text = re.sub(r"[A-Za-z0-9+/=_.-]{100,}", "(left out)", text)
    return " ".join(text.split())[:500]
