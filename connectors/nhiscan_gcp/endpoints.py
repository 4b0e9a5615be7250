"""Where the APIs are: Google's own hosts, unless an option says otherwise (private endpoints, other universes)."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from nhiscan.connector import OptionError

GRPC = "iam-grpc"
HOSTS = {
    "apikeys": "apikeys",
    "cloudasset": "cloudasset",
    "cloudresourcemanager": "cloudresourcemanager",
    "iam": "iam",
    GRPC: "iam",
    "logging": "logging",
    "monitoring": "monitoring",
    "orgpolicy": "orgpolicy",
    "policyanalyzer": "policyanalyzer",
    "recommender": "recommender",
    "storage": "storage",
}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_TARGET = re.compile(r"[\w.-]+(:\d{1,5})?", re.ASCII)


def given(texts: Iterable[str]) -> dict[str, str]:
    """API -> address, of texts such as ``cloudasset=https://cloudasset-shop.p.googleapis.com``.

    Raises OptionError for an unknown API and for an address that would send the token in the clear.
    """
    found = {}
    for text in texts:
        api, equals, address = text.partition("=")
        if not equals or api not in HOSTS:
            known = ", ".join(sorted(HOSTS))
            raise OptionError("endpoint", f"{text!r} is not <api>=<address> with one of {known}")
        if api == GRPC:
            if not _TARGET.fullmatch(address):
                raise OptionError("endpoint", f"{text!r}: {GRPC} takes a host, or host:port, without scheme")
        else:
            _check(text, address)
        found[api] = address.rstrip("/")
    return found


def addresses(named: Mapping[str, str], universe: str) -> dict[str, str]:
    """The address of every API: as named, else the usual host in the universe of the credentials."""
    usual = {api: f"{'' if api == GRPC else 'https://'}{host}.{universe}" for api, host in HOSTS.items()}
    return {**usual, **named}


def _check(text: str, address: str) -> None:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    del port
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise OptionError("endpoint", f"{text!r}: an address is https://host, with a path where there is one")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise OptionError("endpoint", f"{text!r}: http would send the token in the clear; use https")
