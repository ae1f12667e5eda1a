"""The container that copies volumes: of the nodes' image, without a network, there for one snapshot only."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

from pghalab.lab.deploy import lifecycle
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.ending import to_the_end
from pghalab.lab.engine.inventory import FoundContainer
from pghalab.lab.settings import LabSettings
from pghalab.lab.snapshots import scripts
from pghalab.lab.snapshots.model import data_volume, labels
from pghalab.lab.types import LabError

_NAME = "pghalab.{lab}.copies"


@asynccontextmanager
async def helper(
    engine: Engine, settings: LabSettings, name: str, volumes: Iterable[str], *, back: bool
) -> AsyncGenerator[str, None]:
    """The id of a running container that has these volumes of the lab and the snapshot; raises LabError.

    It can write to the snapshot, or with `back` to the volumes, and not to the other side.
    """
    api, to = engine.api, data_volume(settings.name, name)
    made: list[str] = []

    def create_it() -> None:
        binds = {each: {"bind": f"{scripts.FROM}/{each}", "mode": "rw" if back else "ro"} for each in volumes}
        binds[to] = {"bind": scripts.TO, "mode": "ro" if back else "rw"}
        raw = api.create_container(
            settings.image,
            name=_NAME.format(lab=settings.name),
            entrypoint=["sleep", "infinity"],
            labels=labels(settings.name, name),
            # Nothing of it is to be seen on a network, and an ended sleep is not to be waited for.
            host_config=api.create_host_config(binds=binds, network_mode="none", restart_policy={"Name": "no"}),
        )
        made.append(str(raw["Id"]))

    try:
        await engine.call("Creating the container that copies", create_it)
        await engine.call("Starting the container that copies", api.start, made[0])
        yield made[0]
    finally:
        for each in made:
            await to_the_end(remove(engine, each))


async def remove(engine: Engine, container: str) -> None:
    """Remove such a container; one that is gone already is fine; raises LabError."""
    try:
        await engine.call("Removing the container that copied", engine.remove_container, container)
    except LabError as error:
        if error.kind not in lifecycle.GONE:
            raise


async def left(engine: Engine, lab: str) -> list[FoundContainer]:
    """Such a container of a lab, whoever made it; raises LabError."""
    return [one for one in await engine.lab_containers(lab) if one.node is None and one.name == _NAME.format(lab=lab)]


async def run(engine: Engine, container: str, script: str, *words: str) -> str:
    """Run a script in a container as root and return what it printed; raises LabError."""
    return await engine.run_in(container, ["/bin/bash", "-c", script, "pghalab", *words])
