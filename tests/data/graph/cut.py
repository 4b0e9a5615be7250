"""Cut the types that the tests need out of Microsoft Graph's published schema.

    python cut.py cleanMetadata.xml > v1.0.xml

The input is clean_v10_metadata/cleanMetadata.xml of microsoftgraph/msgraph-metadata at the commit that README.md names.
Kept are the types listed in ROOTS, what they are derived from, and every complex type and enumeration that a property
of theirs has. Relations are kept by name where their type is kept, else as directoryObject: a gate checks what is sent.
"""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
ROOTS = (
    "agentIdentity",
    "agentIdentityBlueprint",
    "agentIdentityBlueprintPrincipal",
    "adminConsentRequestPolicy",
    "appManagementPolicy",
    "appRoleAssignment",
    "application",
    "authorizationPolicy",
    "federatedIdentityCredential",
    "group",
    "oAuth2PermissionGrant",
    "organization",
    "permissionGrantPolicy",
    "servicePrincipal",
    "tenantAppManagementPolicy",
    "unifiedRoleAssignment",
    "unifiedRoleAssignmentScheduleInstance",
    "unifiedRoleDefinition",
    "unifiedRoleEligibilityScheduleInstance",
    "user",
)
TYPES = (EDM + "EntityType", EDM + "ComplexType", EDM + "EnumType")


def short(name: str) -> str:
    """``Collection(graph.appRole)`` -> ``appRole``."""
    return name.removeprefix("Collection(").removesuffix(")").rpartition(".")[2]


def cut(path: Path) -> ET.Element:
    """The schema with the kept types only."""
    source = next(one for one in ET.parse(path).iter(EDM + "Schema") if one.get("Namespace") == "microsoft.graph")
    types = {str(one.get("Name")): one for one in source if one.tag in TYPES}
    kept: set[str] = set()
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        if name in kept or name not in types:
            continue
        kept.add(name)
        found = types[name]
        waiting.append(short(found.get("BaseType", "")))
        waiting += [short(str(one.get("Type"))) for one in found if one.tag == EDM + "Property"]
    root = ET.Element(EDM + "Schema", {"Namespace": "microsoft.graph", "Alias": "graph"})
    for name in sorted(kept):
        found = types[name]
        made = ET.SubElement(root, found.tag, dict(found.attrib))
        for one in found:
            attributes = {
                key: value for key, value in one.attrib.items() if key in ("Name", "Type", "Nullable", "Value")
            }
            if one.tag == EDM + "NavigationProperty" and short(attributes["Type"]) not in kept:
                whole = attributes["Type"].startswith("Collection(")
                attributes["Type"] = "Collection(graph.directoryObject)" if whole else "graph.directoryObject"
            if one.tag in (EDM + "Property", EDM + "NavigationProperty", EDM + "Member"):
                ET.SubElement(made, one.tag, attributes)
    ET.indent(root)
    return root


if __name__ == "__main__":
    ET.register_namespace("", EDM.strip("{}"))
    sys.stdout.write(ET.tostring(cut(Path(sys.argv[1])), encoding="unicode") + "\n")
