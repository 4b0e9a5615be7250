"""What an exception of a source means for coverage, in the provider's words and without secrets."""

import re

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)

from nhiscan.connector import Failure, InputNotRead
from nhiscan_aws.failures import CannotAssume, LastAccessedNotGiven, ListCut, ReportIncomplete, ReportNotReady
from nhiscan_aws.transcript import SERVICE

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"})
THROTTLED = frozenset(
    {
        "LimitExceeded",
        "LimitExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
BAD_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "MissingAuthenticationToken",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_STS = frozenset({"AssumeRole", "GetCallerIdentity"})
_OWN = (ReportNotReady, ReportIncomplete, ListCut, LastAccessedNotGiven, InputNotRead)


def classify(error: BaseException) -> Failure:
    """The coverage of an exception. The names of permissions are those of the operations, in all services used here."""
    if isinstance(error, CannotAssume):
        return Failure(
            state="denied" if error.denied else "failed",
            code=error.code,
            operation="sts:AssumeRole",
            permission="sts:AssumeRole" if error.denied else None,
            message=str(error),
        )
    if isinstance(error, ClientError):
        return _answer(error)
    if isinstance(error, BotoCoreError):
        if isinstance(error, CredentialRetrievalError):  # its text may quote the output of a credential program
            message = "the credentials could not be fetched"
        elif isinstance(error, NoCredentialsError | PartialCredentialsError):
            message = "the credentials are missing or not complete"
        else:
            message = clean(str(error))
        return Failure(state="failed", code=type(error).__name__, message=message)
    if isinstance(error, _OWN):
        return Failure(state="failed", code=type(error).__name__, message=str(error))
    return Failure(state="failed", code=type(error).__name__, message=clean(f"unexpected error: {error}"))


def _answer(error: ClientError) -> Failure:
    code = error.response.get("Error", {}).get("Code") or "Unknown"
    metadata = error.response.get("ResponseMetadata", {})
    service = metadata.get(SERVICE) or ("sts" if error.operation_name in _STS else "iam")
    operation = f"{service}:{error.operation_name}"
    denied = code in DENIED
    message = said(error)
    if code in THROTTLED:
        attempts = 1 + int(metadata.get("RetryAttempts", 0))
        message = f"throttled, given up after {attempts} {'attempt' if attempts == 1 else 'attempts'}: {message}"
    return Failure(
        state="denied" if denied else "failed",
        code=code,
        operation=operation,
        permission=operation if denied else None,
        message=message,
    )


def said(error: ClientError) -> str:
    """The provider's message. About bad credentials our own words: the provider's may quote the signed request."""
    code = error.response.get("Error", {}).get("Code") or "Unknown"
    if code in BAD_CREDENTIALS:
        expired = code.startswith(("Expired", "RequestExpired"))
        return f"the credentials {'have expired' if expired else 'were not accepted'} ({code})"
    return clean(error.response.get("Error", {}).get("Message") or code)


def clean(text: str) -> str:
    """One line, without ports, user names of URLs, encoded messages or anything else long enough to be a token."""
    text = re.sub(r"(https?://)[^/\s\"'@]*@", r"\1", text)
    text = re.sub(r"(https?://[^/:\s\"']+):\d+", r"\1", text)
    text = re.sub(r"[A-Za-z0-9+/=_-]{100,}", "(left out)", text)
    return " ".join(text.split())[:500]
