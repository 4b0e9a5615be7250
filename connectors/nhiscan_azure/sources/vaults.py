"""Secrets and keys in vaults, by name and dates, from the management plane: two calls for each vault. Never a value."""

from collections.abc import Iterator

from nhiscan.connector import Reader, ask_each
from nhiscan.model import Identity, Record
from nhiscan_azure import holdings
from nhiscan_azure.failures import Refused
from nhiscan_azure.node import Node
from nhiscan_azure.service import Json
from nhiscan_azure.sources import resources

SECRETS, KEYS = "keyvault.secrets", "keyvault.keys"
VERSION = "2023-07-01"


def run_secrets(node: Node, reader: Reader) -> Iterator[Record]:
    """The secrets of each vault here."""
    yield from _entries(node, reader, "secrets", "stored_secret", SECRETS)


def run_keys(node: Node, reader: Reader) -> Iterator[Record]:
    """The keys of each vault here."""
    yield from _entries(node, reader, "keys", "stored_key", KEYS)


def _entries(node: Node, reader: Reader, name: str, kind: str, source: str) -> Iterator[Record]:
    vaults = sorted(
        {
            one.native_id
            for one in reader(resources.ALL)
            if isinstance(one, Identity) and one.path == holdings.VAULTS and one.scope == node.key
        }
    )

    def question(vault: str) -> list[Json]:
        try:
            return [
                one for page, _ in node.arm.pages(source, f"{vault}/{name}", {"api-version": VERSION}) for one in page
            ]
        except Refused as error:  # the vault is gone by now
            if error.status == 404:
                return []
            raise

    for vault, found in ask_each(node.context, question, vaults):
        for shown in found:
            yield holdings.stored(node.key, vault, kind, shown, source)
