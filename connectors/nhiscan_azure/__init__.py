"""The connector of nhiscan for Entra ID and Azure.

Importing this package needs no SDK: options, sources and permissions are plain declarations. azure-core, azure-identity
and azure-mgmt-authorization are imported when a session is opened.
"""

from nhiscan.connector import Connector, Context, Failure, MissingExtra, Session, Settings, Source
from nhiscan_azure.options import OPTIONS

__all__ = ["CONNECTOR"]


def _sources(settings: Settings) -> tuple[Source, ...]:
    from nhiscan_azure.declare import sources

    return sources(settings)


def _permissions(settings: Settings) -> str:
    from nhiscan_azure.permissions import permissions

    return permissions(settings)


def _open(settings: Settings, context: Context) -> Session:
    try:
        import azure.core
        import azure.identity
        import azure.mgmt.authorization  # noqa: F401
    except ImportError as error:
        raise MissingExtra("azure", "azure-identity", "azure") from error
    from nhiscan_azure.session import AzureSession

    return AzureSession(settings, context)


def _classify(error: BaseException) -> Failure:
    from nhiscan_azure.classify import classify

    return classify(error)


def _version() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("azure-core", "azure-identity", "azure-mgmt-authorization"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


CONNECTOR = Connector(
    name="azure",
    title="Microsoft Entra ID and Azure",
    options=OPTIONS,
    sources=_sources,
    open=_open,
    classify=_classify,
    permissions=_permissions,
    version=_version,
)
