"""Who reads a simulated tenant: an application of it."""

from dataclasses import replace

from nhiscan_azure.simulated.entra import Application, Granted, ServicePrincipal
from nhiscan_azure.simulated.world import World


def with_caller(world: World) -> World:
    """The world with an application for whoever reads, where it has none of that name."""
    directory = world.directory
    name = world.caller.name
    granted = tuple(Granted(permission) for permission in world.caller.graph)
    applications = []
    found = False
    for application in directory.applications:
        if application.name == name:
            found = True
            principal = application.principal or ServicePrincipal()
            held = replace(principal, granted=(*principal.granted, *granted))
            applications.append(replace(application, principal=held))
        else:
            applications.append(application)
    if not found:
        applications.append(Application(name, directory.created_at, principal=ServicePrincipal(granted=granted)))
    return replace(world, directory=replace(directory, applications=tuple(applications)))
