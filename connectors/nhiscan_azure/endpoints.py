"""Where the APIs are: a cloud of Microsoft's, unless an option names an address (private clouds, local servers)."""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from nhiscan.connector import OptionError


class Endpoints(NamedTuple):
    """Addresses without a slash at the end. ``private``: the login service is none of Microsoft's known ones."""

    login: str
    graph: str
    arm: str
    private: bool = False


CLOUDS = {
    "public": Endpoints(
        "https://login.microsoftonline.com", "https://graph.microsoft.com", "https://management.azure.com"
    ),
    "usgovernment": Endpoints(
        "https://login.microsoftonline.us", "https://graph.microsoft.us", "https://management.usgovcloudapi.net"
    ),
    "usdod": Endpoints(
        "https://login.microsoftonline.us", "https://dod-graph.microsoft.us", "https://management.usgovcloudapi.net"
    ),
    "china": Endpoints(
        "https://login.partner.microsoftonline.cn",
        "https://microsoftgraph.chinacloudapi.cn",
        "https://management.chinacloudapi.cn",
    ),
}
APIS = ("arm", "graph", "login")


def endpoints(cloud: str, named: Iterable[str]) -> Endpoints:
    """The addresses of a cloud, with those named as ``graph=https://...`` in their place.

    Raises OptionError for an unknown cloud or API, and for an address that is no ``https://host``.
    """
    if cloud not in CLOUDS:
        raise OptionError("cloud", f"{cloud!r} is none of {', '.join(sorted(CLOUDS))}")
    found = CLOUDS[cloud]
    for text in named:
        api, equals, address = text.partition("=")
        if not equals or api not in APIS:
            raise OptionError("endpoint", f"{text!r} is not <api>=<address> with one of {', '.join(APIS)}")
        _check(text, address)
        found = Endpoints(**{**found._asdict(), api: address.rstrip("/")})
    return found._replace(private=found.login not in {one.login for one in CLOUDS.values()})


def _check(text: str, address: str) -> None:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    del port
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise OptionError("endpoint", f"{text!r}: an address is https://host; tokens are never sent in the clear")
    if parts.path not in ("", "/"):
        raise OptionError("endpoint", f"{text!r}: an address has no path")
