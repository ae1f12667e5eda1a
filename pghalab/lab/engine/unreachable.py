"""Why the engine does not answer, told by what was raised and by the environment, each reason with its own advice."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

from pghalab.lab.host import install
from pghalab.lab.types import LabError

DEFAULT_SOCKET = "/var/run/docker.sock"
DOCTOR = "Run `pghalab doctor`: it says how to install and start one on this system."


def unreachable(error: BaseException) -> LabError:
    """Why the engine does not answer and what to do, from what the SDK or the socket raised."""
    import docker.errors
    import requests.exceptions

    host = os.environ.get("DOCKER_HOST", "")
    where = host or "the default socket"
    chain = tuple(_chain(error))

    def has(*kinds: type[BaseException]) -> bool:
        return any(isinstance(one, kinds) for one in chain)

    if has(docker.errors.TLSParameterError, ssl.SSLError, requests.exceptions.SSLError):
        return _no_tls(where)
    if host.startswith("ssh://"):
        what = f"DOCKER_HOST is {host}: an engine on another host cannot be used, as the nodes' ports are local to it."
        return LabError(what, todo="For this machine's own: unset DOCKER_HOST", kind="engine-settings")
    if has(PermissionError):
        advice = install.join_group(socket_here())
        todo = f"{advice.todo} ({advice.command})"
        return LabError(f"You may not use the container engine at {where}.", todo=todo, kind="no-permission")
    if has(requests.exceptions.Timeout, TimeoutError):
        todo = "Is it overloaded, or does it just start? Try again, then look at its own log."
        return LabError(f"The container engine at {where} does not answer in time.", todo=todo, kind="engine-silent")
    if not has(OSError):
        # Nothing was tried: the client did not get that far.
        if has(AttributeError, TypeError, ValueError, docker.errors.InvalidConfigFile) and (file := _settings_file()):
            what = f"The docker client's settings in {file} cannot be used: {_last(chain)}."
            return LabError(what, todo=f"Mend that file, or move it away: mv {file} {file}.old", kind="engine-settings")
        if host:
            what = f"DOCKER_HOST is {host}, which is no address of an engine."
            return LabError(what, todo="For this machine's own: unset DOCKER_HOST", kind="engine-settings")
    return LabError(f"No container engine answers at {where}.", todo=DOCTOR, kind="no-engine")


def _no_tls(where: str) -> LabError:
    folder = os.environ.get("DOCKER_CERT_PATH", "") or "~/.docker"
    names = " ".join(name for name in ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH") if name in os.environ)
    own = f"For this machine's own: unset {names}. " if names else ""
    return LabError(
        f"The engine at {where} is to be reached over TLS ({names or 'as the docker client is set up'}), which fails.",
        todo=f"{own}For an engine with TLS its ca.pem, cert.pem and key.pem belong in {folder}.",
        kind="engine-settings",
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it; libraries put it in the cause, the context or the arguments."""
    seen: list[BaseException] = []
    left = [error]
    while left:
        one = left.pop()
        if not any(one is other for other in seen):
            seen.append(one)
            left += [each for each in (one.__cause__, one.__context__, *one.args) if isinstance(each, BaseException)]
            yield one


def _last(chain: tuple[BaseException, ...]) -> str:
    return " ".join(str(chain[-1]).split()).rstrip(".")


def _settings_file() -> Path | None:
    file = Path(os.environ.get("DOCKER_CONFIG", "") or Path.home() / ".docker") / "config.json"
    return file if file.exists() else None


def socket_here() -> Path:
    """The socket of this machine's engine."""
    host = os.environ.get("DOCKER_HOST", "")
    return Path(host.removeprefix("unix://") if host.startswith("unix://") else DEFAULT_SOCKET)
