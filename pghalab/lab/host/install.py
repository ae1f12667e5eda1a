"""How to install and start a container engine on the system this runs on."""

from __future__ import annotations

import contextlib
import grp
import os
import platform
import pwd
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pghalab.values import dataclass

System = Literal["debian", "fedora", "macos", "wsl", "other"]


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do in words, and the command to copy."""

    todo: str
    command: str


def read_os_release(path: Path = Path("/etc/os-release")) -> dict[str, str]:
    """The fields of os-release(5); empty where the file is missing."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key: value.strip().strip("\"'") for key, _, value in pairs}


def detect(
    platform_name: str = sys.platform,
    release: str | None = None,
    os_release: Mapping[str, str] | None = None,
) -> System:
    """Which family of systems this is; WSL before the distribution inside it."""
    if platform_name == "darwin":
        return "macos"
    if "microsoft" in (platform.release() if release is None else release).lower():
        return "wsl"
    fields = read_os_release() if os_release is None else os_release
    family = {fields.get("ID", ""), *fields.get("ID_LIKE", "").split()}
    if family & {"debian", "ubuntu"}:
        return "debian"
    if family & {"fedora", "rhel", "centos"}:
        return "fedora"
    return "other"


def engine(system: System, *, installed: bool, root: bool, inside: System = "debian") -> Advice:
    """How to get an engine to answer, when it is `installed` or not; `inside` is the distribution inside WSL."""
    sudo = "" if root else "sudo "
    if system == "macos":
        if installed:
            return Advice("Start the engine.", "open -a Docker")
        return Advice("Install Docker Desktop and start it.", "brew install --cask docker && open -a Docker")
    if system == "wsl":
        return Advice(
            "Start Docker Desktop on Windows with WSL integration for this distribution, or run an engine here.",
            engine(inside, installed=installed, root=root).command,
        )
    if installed:
        return Advice("Start the engine.", f"{sudo}systemctl start docker || {sudo}service docker start")
    if system == "debian":
        return Advice(
            "Install Docker Engine and debootstrap, and start the engine.",
            f"{sudo}apt-get update && {sudo}apt-get install -y docker.io debootstrap && {sudo}service docker start",
        )
    if system == "fedora":
        return Advice(
            "Install Docker Engine and debootstrap, and start the engine.",
            f"{sudo}dnf install -y moby-engine debootstrap && {sudo}systemctl enable --now docker",
        )
    return Advice("Install Docker Engine: https://docs.docker.com/engine/install/", "")


def engine_here() -> Advice:
    """How to get an engine to answer on this system."""
    if elsewhere := os.environ.get("DOCKER_HOST", ""):
        return Advice(
            f"DOCKER_HOST is {elsewhere}: start the engine there, or do without the variable for this machine's own.",
            "unset DOCKER_HOST",
        )
    installed = shutil.which("dockerd") is not None or _has_desktop()
    return engine(detect(), installed=installed, root=os.geteuid() == 0, inside=detect(release=""))


def join_group(socket: Path) -> Advice:
    """How to be allowed to use an engine that runs behind this socket."""
    user, group = "", "docker"
    with contextlib.suppress(KeyError, OSError):
        user = pwd.getpwuid(os.geteuid()).pw_name
        found = grp.getgrgid(socket.stat().st_gid)
        group = found.gr_name
        if user in found.gr_mem:
            return Advice(
                f"You are in its group {group}, but this session began before: log in again, or take it on here.",
                f"newgrp {group}",
            )
    if group == "root":
        return Advice("Its socket is root's alone: give it a group of its own, or use a rootless engine.", "")
    return Advice(f"Join its group {group}, then log in again.", f'sudo usermod -aG {group} "{user or "$USER"}"')


def _has_desktop() -> bool:
    return Path("/Applications/Docker.app").exists()
