"""The AWS connector of nhiscan.

Importing this package needs no SDK: options, sources and permissions are plain declarations. boto3 is imported when a
session is opened.
"""

from nhiscan.connector import Connector, Context, Failure, MissingExtra, Session, Settings, Source
from nhiscan_aws.options import OPTIONS

__all__ = ["CONNECTOR"]


def _sources(settings: Settings) -> tuple[Source, ...]:
    from nhiscan_aws.declare import sources

    return sources(settings)


def _permissions(settings: Settings) -> str:
    from nhiscan_aws.permissions import permissions

    return permissions(settings)


def _open(settings: Settings, context: Context) -> Session:
    try:
        import boto3  # noqa: F401
    except ImportError as error:
        raise MissingExtra("aws", "boto3", "aws") from error
    from nhiscan_aws.session import AwsSession

    return AwsSession(settings, context)


def _classify(error: BaseException) -> Failure:
    from nhiscan_aws.classify import classify

    return classify(error)


def _version() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("boto3", "botocore"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


CONNECTOR = Connector(
    name="aws",
    title="Amazon Web Services",
    options=OPTIONS,
    sources=_sources,
    open=_open,
    classify=_classify,
    permissions=_permissions,
    version=_version,
)
