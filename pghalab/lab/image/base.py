"""The base image: pulled when a registry answers, else made with debootstrap from the host's own mirror."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from pghalab.lab.engine.longcall import Cancel, open_client
from pghalab.lab.host.environment import for_tools
from pghalab.lab.host.install import detect
from pghalab.lab.image.aptsources import debian_mirror, read_sources
from pghalab.lab.types import LabError

log = logging.getLogger(__name__)

BASE_TAG = "pghalab-base:trixie"
PULLED = "debian:trixie-slim"
SUITE = "trixie"
LABEL = {"pghalab.image": "1"}
REGISTRY_WITHIN = 10
"""Seconds within which a registry must answer to be used."""
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SCRATCH = Path("/var/tmp")
LEFT_OUT = ("var/cache/apt/*.bin", "var/cache/apt/archives/*.deb", "var/lib/apt/lists/*", "var/log/*",
            "usr/share/doc/*", "usr/share/man/*", "usr/share/locale/*", "proc/*", "sys/*", "dev/*")  # fmt: skip

Say = Callable[[str], None]

_GET_DEBOOTSTRAP: dict[str, str] = {
    "debian": "Install them, then build again: sudo apt-get install debootstrap debian-archive-keyring",
    "fedora": "Install them, then build again: sudo dnf install debootstrap debian-keyring",
}
_NO_DEBOOTSTRAP = f"Let the engine reach a registry (docker pull {PULLED} says what stops it), then build again."


def ensure_base(say: Say, cancel: Cancel) -> None:
    """Have `BASE_TAG` on the engine, whatever it takes; blocks, raises LabError."""
    api = open_client(cancel)
    if has_image(api, BASE_TAG):
        return
    if registry_answers(cancel):
        try:
            pull(api, say)
            return
        except Exception as error:
            cancel.check()
            log.info("pulling %s: %r", PULLED, error)
            say(f"pulling {PULLED} failed: {error}")
    cancel.check()
    bootstrap(api, say, cancel)


def has_image(api: Any, tag: str) -> bool:
    """Whether the engine holds an image of this name; blocks."""
    import docker.errors

    try:
        api.inspect_image(tag)
    except docker.errors.ImageNotFound:
        return False
    return True


def is_own(image: Mapping[str, Any]) -> bool:
    """Whether an inspected image was made by pghalab."""
    return LABEL.items() <= ((image.get("Config") or {}).get("Labels") or {}).items()


def require_own(tag: str, image: Mapping[str, Any]) -> None:
    """Raise LabError when the inspected image of this name was not made by pghalab."""
    if not is_own(image):
        raise LabError(
            f"{tag} is the name of an image that pghalab did not build; it stays untouched.",
            todo="Choose a name that is free: pghalab build -i NAME, then pghalab up -i NAME.",
            kind="taken",
        )


def registry_answers(cancel: Cancel) -> bool:
    """Whether the engine reaches the registry of `PULLED` within `REGISTRY_WITHIN` seconds; blocks."""
    try:
        open_client(cancel, REGISTRY_WITHIN).inspect_distribution(PULLED)
    except Exception as error:
        cancel.check()
        log.info("no registry for %s: %r", PULLED, error)
        return False
    return True


def pull(api: Any, say: Say) -> None:
    """Pull `PULLED` and name it `BASE_TAG` with the label; blocks, raises what the SDK raises or LabError."""
    say(f"pulling {PULLED}")
    name, tag = PULLED.split(":")
    for chunk in api.pull(name, tag=tag, stream=True, decode=True):
        if "error" in chunk:
            raise LabError(f"The registry refused {PULLED}: {chunk['error']}")
        if "progress" not in chunk and chunk.get("status"):
            say("  " + " ".join(str(part) for part in (chunk.get("id"), chunk["status"]) if part))
    relabel(api, PULLED, BASE_TAG, LABEL)


def relabel(api: Any, image: str, tag: str, labels: dict[str, str]) -> str:
    """Name an image `tag` with these labels added, without a container; blocks, returns its id, raises LabError."""
    from pghalab.lab.image.buildlog import BuildLog
    from pghalab.lab.image.context import pack

    told = BuildLog()
    context = pack({"Dockerfile": f"FROM {image}\n".encode()})
    for chunk in api.build(fileobj=context, custom_context=True, tag=tag, labels=labels, rm=True, decode=True):
        told.feed(chunk)
    if not told.image_id:
        raise LabError(f"The engine did not say which image {tag} became.")
    return told.image_id


def bootstrap(api: Any, say: Say, cancel: Cancel) -> None:
    """Make a minimal Debian with debootstrap and import it as `BASE_TAG`; blocks, needs root, raises LabError."""
    mirror = debian_mirror(read_sources())
    need_debootstrap(mirror)
    remove_leftovers()
    # In a folder that nobody else can have made before; the name tells whose it is when this program is killed.
    folder = Path(tempfile.mkdtemp(prefix=f"pghalab-base.{os.getpid()}.", dir=SCRATCH))
    target = folder / "root"
    try:
        say(f"no registry answers; making the base image with debootstrap from {mirror or 'its default mirror'}")
        _run(debootstrap_command(target, mirror), say, cancel)
        _import(api, target, say, cancel)
    finally:
        remove_tree(folder)


def debootstrap_command(target: Path, mirror: str | None) -> list[str]:
    """The command that fills `target` with a minimal Debian."""
    options = [f"--keyring={KEYRING}", "--variant=minbase", "--merged-usr"]
    if mirror is not None and mirror.startswith("https:"):
        options.append("--include=ca-certificates")
    return ["debootstrap", *options, SUITE, str(target), *([mirror] if mirror else [])]


def need_debootstrap(mirror: str | None) -> None:
    """Raise LabError, with the commands to copy, unless this process can run debootstrap here and now."""
    by_hand = Path("/var/tmp/pghalab-base")
    commands = (
        f"sudo {shlex.join(debootstrap_command(by_hand, mirror))} && sudo tar -C {by_hand} -c . | "
        f"docker import --change 'LABEL pghalab.image=1' - {BASE_TAG}"
    )
    if shutil.which("debootstrap") is None or not KEYRING.exists():
        raise LabError(
            "No registry answers, and debootstrap with Debian's keyring is not here to make the base image.",
            todo=_GET_DEBOOTSTRAP.get(detect(), _NO_DEBOOTSTRAP),
        )
    if os.geteuid() != 0:
        raise LabError(
            "No registry answers, and only root can make the base image with debootstrap.",
            todo=f"Run this, then build again: {commands}",
        )


def _run(command: list[str], say: Say, cancel: Cancel) -> None:
    # The death signal ends debootstrap when the program is killed outright; setpriv sets it where it exists.
    if shutil.which("setpriv"):
        command = ["setpriv", "--pdeathsig", "TERM", "--", *command]
    last = ""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", start_new_session=True, env=for_tools(),
    ) as process:  # fmt: skip
        cancel.on_wish(lambda: os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None)
        assert process.stdout is not None
        for line in process.stdout:
            last = line.strip() or last
            say(f"  {line.rstrip()}")
    cancel.check()
    if process.returncode != 0:
        raise LabError(
            f"debootstrap failed: {last}", todo="Is the mirror reachable, and is the disk full? Its lines are above."
        )


def _import(api: Any, root: Path, say: Say, cancel: Cancel) -> None:
    say(f"importing {BASE_TAG}")
    excluded = [f"--exclude=./{pattern}" for pattern in LEFT_OUT]
    command = ["tar", "-C", str(root), "--numeric-owner", "--one-file-system", *excluded, "-c", "."]
    changes = [f"LABEL {name}={value}" for name, value in LABEL.items()]
    repository, tag = BASE_TAG.split(":")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        answer = api.import_image_from_stream(
            _blocks(process.stdout, process, cancel), repository=repository, tag=tag, changes=changes
        )
    if not has_image(api, BASE_TAG):
        raise LabError(f"The engine did not take the base image: {str(answer).strip()[-300:]}")


def _blocks(source: IO[bytes], process: subprocess.Popen[bytes], cancel: Cancel) -> Iterator[bytes]:
    """The archive in pieces; raising in the middle breaks the upload off, so that no torn image is taken for whole."""
    try:
        while block := source.read(1 << 20):
            cancel.check()
            yield block
        if process.wait() != 0:
            raise LabError("Packing the base image failed.", todo="Is the disk full?")
    finally:
        if process.poll() is None:
            process.kill()


def remove_leftovers() -> None:
    """Remove what a build that was killed outright left behind."""
    for folder in SCRATCH.glob("pghalab-base.*"):
        owner = folder.name.split(".")[1]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            remove_tree(folder)


def remove_tree(folder: Path) -> None:
    """Remove a half or wholly made system; keeps it when something is still mounted in it and cannot be let go."""
    for mounted in reversed(mounts_below(folder, Path("/proc/self/mounts").read_text(errors="replace"))):
        subprocess.run(["umount", "--lazy", mounted], check=False, capture_output=True)
    if mounts_below(folder, Path("/proc/self/mounts").read_text(errors="replace")):
        log.warning("%s is kept: something is mounted in it", folder)
        return
    shutil.rmtree(folder, ignore_errors=True)


def mounts_below(folder: Path, mounts: str) -> list[str]:
    """The mount points inside a folder, outer ones first, from the text of /proc/self/mounts."""
    points = [fields[1] for line in mounts.splitlines() if len(fields := line.split()) > 1]
    return sorted(point for point in points if point.startswith(f"{folder}/"))
