"""The declaration of the Azure connector: read without the SDK, and consistent with itself."""

import subprocess
import sys

import pytest

from nhiscan import model
from nhiscan.collect.order import in_order
from nhiscan.connector import OptionError
from nhiscan_azure import CONNECTOR, keys
from nhiscan_azure.endpoints import endpoints
from nhiscan_azure.hierarchy import Wanted

TENANT = "11111111-1111-4111-8111-111111111111"
SUBSCRIPTION = "22222222-2222-4222-8222-222222222222"
EVERYTHING = {"agent-identities": True}
SETTINGS = [
    {},
    EVERYTHING,
    {"directory-only": True},
    {"no-directory": True},
    {"no-sign-in-activity": True, "no-eligible-assignments": True},
]


def test_the_declaration_is_read_without_the_sdk() -> None:
    code = (
        "import sys; import nhiscan_azure; c = nhiscan_azure.CONNECTOR; c.sources({}); c.permissions({});"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('azure', 'msal', 'requests', 'urllib3')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("settings", SETTINGS)
def test_sources_name_tables_and_fields_of_the_model(settings: dict[str, object]) -> None:
    sources = CONNECTOR.sources(settings)
    assert sources
    for source in sources:
        for name in source.lists | source.adds:
            table, _, rest = name.partition(":")
            assert table in model.TABLES
            fact = rest.partition(".")[2]
            assert not fact or fact in model.TABLES[table]._fields
    assert [source.id for source in in_order(sources)] == [source.id for source in sources]


def test_a_fallback_declares_what_its_primary_does() -> None:
    sources = {source.id: source for source in CONNECTOR.sources({})}
    for source in sources.values():
        if source.fallback_for is not None:
            primary = sources[source.fallback_for]
            assert (source.lists, source.adds) == (primary.lists, primary.adds)


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_permissions_read_and_nothing_else(settings: dict[str, object]) -> None:
    for source in CONNECTOR.sources(settings):
        for name in source.permissions:
            verb = name.rpartition("/")[2] if "/" in name else name.split(".")[1]
            assert verb.lower() == "read", name
    text = CONNECTOR.permissions(settings)
    assert ("az ad app permission" in text) == (not settings.get("no-directory"))
    assert ("az role definition create" in text) == (not settings.get("directory-only"))


def test_the_role_is_made_where_the_options_say() -> None:
    text = CONNECTOR.permissions({"subscription": (SUBSCRIPTION,), "management-group": ("shop",)})
    assert f"--scope /subscriptions/{SUBSCRIPTION}" in text
    assert "--scope /providers/Microsoft.Management/managementGroups/shop" in text
    assert "TENANT_ID" not in text
    several = CONNECTOR.permissions({"tenant": TENANT, "management-group": ("shop", "lab")})
    assert several.count(f"managementGroups/{TENANT}") == 1, "a role is made at one group, and assigned at several"
    assert several.count("az role assignment create") == 2
    assert f"managementGroups/{TENANT}" in CONNECTOR.permissions({"tenant": TENANT})


@pytest.mark.parametrize(
    ("option", "settings"),
    [
        ("tenant", {"tenant": "example.com"}),
        ("subscription", {"subscription": ("shop",)}),
        ("management-group", {"management-group": ("a b",)}),
        ("no-directory", {"no-directory": True, "directory-only": True}),
        ("directory-only", {"directory-only": True, "subscription": (SUBSCRIPTION,)}),
    ],
)
def test_options_that_cannot_work(option: str, settings: dict[str, object]) -> None:
    with pytest.raises(OptionError) as caught:
        Wanted.of(settings)
    assert caught.value.option == option


@pytest.mark.parametrize(
    ("cloud", "named"),
    [
        ("mars", ()),
        ("public", ("graph",)),
        ("public", ("nothing=https://example.com",)),
        ("public", ("graph=http://127.0.0.1:1",)),
        ("public", ("graph=https://user@example.com",)),
        ("public", ("graph=https://example.com/v1.0",)),
        ("public", ("graph=https://example.com:x",)),
    ],
)
def test_addresses_that_cannot_work(cloud: str, named: tuple[str, ...]) -> None:
    with pytest.raises(OptionError):
        endpoints(cloud, named)


def test_clouds_and_addresses() -> None:
    assert endpoints("usgovernment", ()).graph == "https://graph.microsoft.us"
    assert not endpoints("china", ()).private
    own = endpoints("public", ("login=https://127.0.0.1:1", "graph=https://127.0.0.1:2/"))
    assert (own.login, own.graph, own.private) == ("https://127.0.0.1:1", "https://127.0.0.1:2", True)
    assert own.arm == "https://management.azure.com"


def test_where_things_live() -> None:
    tenant, sub, group = keys.tenant(TENANT), keys.subscription(SUBSCRIPTION), keys.management_group("Shop")
    planned = {tenant, sub, group}
    vault = f"/subscriptions/{SUBSCRIPTION.upper()}/resourceGroups/A/providers/Microsoft.KeyVault/vaults/V"
    assert keys.scope_of(tenant, vault, planned) == sub
    assert keys.within(vault) == vault.lower()
    assert keys.scope_of(tenant, "/providers/Microsoft.Management/managementGroups/Shop", planned) == group
    assert keys.within("/providers/Microsoft.Management/managementGroups/Shop") is None
    assert keys.scope_of(tenant, "/", planned) == tenant
    assert keys.within("/") is None
    assert keys.scope_of(tenant, f"/subscriptions/{TENANT}", planned) is None
    assert keys.within(f"/subscriptions/{SUBSCRIPTION}/") is None
