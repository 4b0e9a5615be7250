"""The Google Cloud connector of nhiscan.

Importing this package needs no SDK: options, sources and permissions are plain declarations. google-auth, requests and
google-cloud-iam (with gRPC) are imported when a session is opened.
"""

from nhiscan.connector import Connector, Context, Failure, MissingExtra, Session, Settings, Source
from nhiscan_gcp.options import OPTIONS

__all__ = ["CONNECTOR"]


def _sources(settings: Settings) -> tuple[Source, ...]:
    from nhiscan_gcp.declare import sources

    return sources(settings)


def _permissions(settings: Settings) -> str:
    from nhiscan_gcp.permissions import permissions

    return permissions(settings)


def _open(settings: Settings, context: Context) -> Session:
    try:
        import requests  # noqa: F401
        from google.cloud import iam_admin_v1  # noqa: F401
    except ImportError as error:
        raise MissingExtra("gcp", "google-cloud-iam", "gcp") from error
    from nhiscan_gcp.session import GcpSession

    return GcpSession(settings, context)


def _classify(error: BaseException) -> Failure:
    from nhiscan_gcp.classify import classify

    return classify(error)


def _version() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("google-auth", "google-cloud-iam", "grpcio", "requests"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


CONNECTOR = Connector(
    name="gcp",
    title="Google Cloud",
    options=OPTIONS,
    sources=_sources,
    open=_open,
    classify=_classify,
    permissions=_permissions,
    version=_version,
)
