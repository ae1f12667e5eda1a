"""The environment that pghalab was started in, and how little of it may matter."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""What the build of the image, and nothing else, needs of the host's proxies."""

# Libraries take these in place of, or beside, what they are told: libpq and psycopg; asyncssh; grpc and protobuf; the
# proxies of whatever speaks HTTP. The lab is reached through 127.0.0.1 and ssh, with its own keys and passwords.
_BEGINNINGS = ("PG", "PSYCOPG_", "SSH_A", "SSH_SK_", "GRPC_", "PROTOCOL_BUFFERS_", "DOCKER_")
_NAMES = {*PROXIES, "all_proxy", "ALL_PROXY", "ftp_proxy", "FTP_PROXY", "grpc_proxy", "no_grpc_proxy", "NETRC",
          "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSLKEYLOGFILE"}  # fmt: skip
_ENGINE = {"DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT"}
_ENGINE_TLS = {"DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"}

_taken: dict[str, str] = {}


def settle() -> None:
    """Take everything out of this process's environment that would change what pghalab sees of the lab.

    For the program, once, before it loads a library. What the host's own tools need is given to them by `for_tools`.
    """
    _take(strangers(os.environ))
    if sys.warnoptions:
        # As errors they would keep libraries of some age from being loaded.
        import warnings

        warnings.resetwarnings()
        warnings.simplefilter("ignore")


def leave(*beginnings: str) -> None:
    """Take the variables that begin so out of this process's environment, but for pghalab's own.

    For whoever loads a library that reads them, in a process that may not be the program itself.
    """
    _take([name for name in os.environ if name.startswith(beginnings) and not name.startswith("PGHALAB_")])


def _take(names: list[str]) -> None:
    _taken.update({name: os.environ.pop(name) for name in names})


def strangers(environment: Mapping[str, str]) -> list[str]:
    """The variables that are no business of the lab's."""
    over_the_net = environment.get("DOCKER_HOST", "").startswith(("tcp://", "http://", "https://"))
    kept = _ENGINE | (_ENGINE_TLS if over_the_net else set())
    return [
        name
        for name in environment
        if name in _NAMES or (name.startswith(_BEGINNINGS) and name not in kept and not name.startswith("PGHALAB_"))
    ]


def proxies() -> dict[str, str]:
    """The host's proxies, for the build of the image."""
    known = {**_taken, **os.environ}
    return {name: known[name] for name in PROXIES if known.get(name)}


def for_tools() -> dict[str, str]:
    """The environment of a tool of the host: its proxies, and messages and encodings that can be read by a program."""
    return {**os.environ, **proxies(), "LC_ALL": "C"}
