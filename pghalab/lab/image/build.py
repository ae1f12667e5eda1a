"""Builds the nodes' image and says which versions it holds."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Any

from pghalab.lab.engine import inventory
from pghalab.lab.engine.lease import HOLDER_LABEL
from pghalab.lab.engine.longcall import Cancel, lines_of, open_client
from pghalab.lab.host.environment import proxies
from pghalab.lab.host.process import Driver, this_process
from pghalab.lab.image.base import LABEL, ensure_base, is_own, relabel, require_own
from pghalab.lab.image.buildlog import BuildLog
from pghalab.lab.image.context import CA_PLACE, ca_bundle, image_files, pack
from pghalab.lab.types import Ended, LabError, Output, Part

if TYPE_CHECKING:
    from pghalab.lab.engine.client import Engine

log = logging.getLogger(__name__)

FIRST = "the first build takes about 2 minutes on two cores; the distribution's packages are fetched once\n"
"""Measured, with a mirror nearby."""
NO_CACHE = "PGHALAB_NO_CACHE"
"""The variable that has every layer made anew, with the packages of today."""
VERSIONS_LABEL = "pghalab.versions"
VERSIONS_FILE = "/usr/share/pghalab/versions.json"


async def build_image(engine: Engine, tag: str) -> AsyncGenerator[Output | Ended, None]:
    """Build the nodes' image as `tag`, with its base, telling every line; raises LabError with the failing step.

    Closing the generator, or cancelling its consumer, ends the build on the engine. A second build without a
    change is served from the cache.
    """
    began = time.monotonic()
    if not await engine.ask("Looking for the image", _require_free, engine.api, tag):
        yield Output("stdout", FIRST)
    for work in (ensure_base, _build(tag)):
        lines = lines_of(work)
        try:
            async for line in lines:
                text = line + "\n"
                if isinstance(line, Part):
                    text = Part(text, line.number, line.of, line.words)
                yield Output("stdout", text)
        except LabError:
            raise
        except Exception as error:
            log.info("building %s", tag, exc_info=True)
            raise LabError(
                f"The container engine broke the build off: {error}", todo="Does it still run? See `pghalab doctor`."
            ) from error
        finally:
            await lines.aclose()
    yield Ended("exited", 0, time.monotonic() - began)


async def image_versions(engine: Engine, tag: str) -> Mapping[str, str] | None:
    """The versions that the image's label records, None when it is absent or has none; raises LabError."""
    return await engine.ask("Inspecting the image", _versions, engine.api, tag)


def _versions(api: Any, tag: str) -> dict[str, str] | None:
    import docker.errors

    try:
        labels = api.inspect_image(tag)["Config"].get("Labels") or {}
    except docker.errors.ImageNotFound:
        return None
    return parse_versions(labels.get(VERSIONS_LABEL, ""))


def parse_versions(text: str) -> dict[str, str] | None:
    """The versions from the label's text, None when it is empty or no mapping of names to versions."""
    try:
        versions = json.loads(text)
    except ValueError:
        return None
    if not isinstance(versions, dict) or not versions:
        return None
    return {str(name): str(version) for name, version in versions.items()}


def _build(tag: str) -> Callable[[Callable[[str], None], Cancel], None]:
    def work(say: Callable[[str], None], cancel: Cancel) -> None:
        files = image_files()
        bundle = ca_bundle()
        if bundle is not None:
            files[CA_PLACE] = bundle.read_bytes()
        api = open_client(cancel)
        # The label comes in a step of its own, after the build, because only the built image knows its versions.
        told = BuildLog(extra=1)
        for chunk in api.build(
            fileobj=pack(files), custom_context=True, rm=True, forcerm=True, decode=True, buildargs=proxies(),
            nocache=bool(os.environ.get(NO_CACHE)),
        ):  # fmt: skip
            for line in told.feed(chunk):
                say(line)
        cancel.check()
        if not told.image_id:
            raise told.failure("the engine ended the build without a result")
        last = told.steps + 1
        say(Part(f"step {last} of {last}: record the versions", last, last, "record the versions"))
        if not _already(api, tag, told.image_id):
            text = _read_file(api, told.image_id, VERSIONS_FILE).strip()
            if parse_versions(text) is None:
                raise LabError(f"The image's {VERSIONS_FILE} holds no versions: {text[:200]}")
            before = _require_free(api, tag)
            relabel(api, told.image_id, tag, {VERSIONS_LABEL: text})
            _drop(api, before)
        _clear(api)
        versions = _versions(api, tag) or {}
        say("  " + ", ".join(f"{name} {version}" for name, version in versions.items()))
        say(f"{tag} is ready")

    return work


def _already(api: Any, tag: str, built: str) -> bool:
    """Whether `tag` is this very build with its versions on it."""
    import docker.errors

    try:
        image = api.inspect_image(tag)
    except docker.errors.ImageNotFound:
        return False
    labelled = bool((image["Config"].get("Labels") or {}).get(VERSIONS_LABEL))
    parent = str(image.get("Parent", ""))
    return labelled and bool(parent) and bool(api.inspect_image(built)["Id"] == parent)


def _require_free(api: Any, tag: str) -> str:
    """The id of the image of this name that a build replaces, empty without one; raises LabError for a foreign one."""
    import docker.errors

    try:
        image = api.inspect_image(tag)
    except docker.errors.ImageNotFound:
        return ""
    require_own(tag, image)
    return str(image["Id"])


def _drop(api: Any, image: str) -> None:
    """Remove the image that lost its name to a newer one; it stays while a container was made from it."""
    import docker.errors

    try:
        if image and not (found := api.inspect_image(image))["RepoTags"] and is_own(found):
            api.remove_image(image)
    except docker.errors.APIError as error:
        log.info("the former image is kept: %s", error)


def _read_file(api: Any, image: str, path: str) -> str:
    reader = this_process("reads a file of an image")
    made = api.create_container(image, labels={**LABEL, HOLDER_LABEL: reader.tell()})
    try:
        return inventory.read_file(api, made["Id"], path)
    finally:
        api.remove_container(made["Id"], v=True, force=True)


def _clear(api: Any) -> None:
    """Remove the containers of readers that were killed."""
    import docker.errors

    for made in api.containers(all=True, filters={"label": [HOLDER_LABEL, *(f"{k}={v}" for k, v in LABEL.items())]}):
        reader = Driver.told(made["Labels"][HOLDER_LABEL])
        if reader is None or reader.lives:
            continue
        try:
            api.remove_container(made["Id"], v=True, force=True)
        except docker.errors.APIError as error:
            log.info("a container that a killed build left is kept: %s", error)
