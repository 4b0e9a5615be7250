"""What an exception of a source means for coverage, in Microsoft's words and without secrets."""

import re

from nhiscan.connector import BadAnswer, Failure, InputNotRead, Redirected
from nhiscan_azure.failures import ForeignOrigin, NotCredible, NotGranted, Refused, TooMany, Unreachable, Unseen
from nhiscan_azure.needed import NEEDED

UNLICENSED = frozenset(
    {
        "aadpremiumlicenserequired",
        "authentication_requestfromnonpremiumtenantorb2ctenant",
        "tenantnotlicensed",
    }
)
"""Error codes, in lower case, by which Graph says that the tenant has not bought what was asked for."""
_LICENCE = re.compile(r"premium licen[cs]e|P[12] or Microsoft Entra|needs to have Microsoft Entra", re.IGNORECASE)
_ACTION = re.compile(r"perform action '([\w./*-]+)'")


def classify(error: BaseException) -> Failure:
    """The coverage of an exception."""
    if isinstance(error, Refused):
        return _refused(error)
    if isinstance(error, NotGranted):
        return Failure("denied", "NotGranted", error.operation, error.permission, str(error))
    if isinstance(error, Unseen):
        return Failure("denied", "Unseen", error.operation, error.permission, clean(str(error)))
    if isinstance(error, InputNotRead):
        return Failure("failed", code="InputNotRead", message=str(error))
    if isinstance(error, Unreachable | Redirected | ForeignOrigin | BadAnswer | NotCredible | TooMany):
        return Failure("failed", code=type(error).__name__, operation=error.operation, message=clean(str(error)))
    return Failure("failed", code=type(error).__name__, message=clean(f"unexpected error: {error}"))


def unlicensed(error: Refused) -> bool:
    """The tenant has no licence for what was asked: nothing was denied to the caller."""
    if error.status not in (400, 403):
        return False
    return error.code.lower() in UNLICENSED or bool(_LICENCE.search(error.said))


def _refused(error: Refused) -> Failure:
    said = clean(error.said) or error.code
    if unlicensed(error):
        return Failure("failed", error.code, error.operation, message=f"the tenant has no licence for it: {said}")
    if error.status == 401:
        return Failure("failed", error.code, error.operation, message="the credentials were not accepted")
    if error.status == 403:
        found = _ACTION.search(error.said)
        permission = error.permission or (found[1] if found else NEEDED.get(error.operation))
        return Failure("denied", error.code, error.operation, permission, said)
    if error.status == 429:
        tries = f"{error.attempts} {'attempt' if error.attempts == 1 else 'attempts'}"
        said = f"throttled, given up after {tries}: {said}"
    return Failure("failed", error.code, error.operation, message=said)


def clean(text: str) -> str:
    """One line, without ports, user names of URLs, tokens or anything else long enough to be one."""
    text = re.sub(r"(https?://)[^/\s\"'@]*@", r"\1", text)
    text = re.sub(r"(https?://[^/:\s\"']+):\d+", r"\1", text)
    text = re.sub(r"eyJ[\w-]+\.[\w.-]+", "(left out)", text)
    text = re.sub(r"[A-Za-z0-9+/=_.~-]{100,}", "(left out)", text)
    return " ".join(text.split())[:500]
