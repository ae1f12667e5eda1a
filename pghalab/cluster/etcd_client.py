"""A gRPC client of one etcd member, and what gRPC has to be told before it is loaded."""

from __future__ import annotations

import os
import threading
import warnings
from typing import Any, Final

from pghalab.lab.host import environment

_CHANNEL: Final = [
    ("grpc.keepalive_time_ms", 6000),  # etcd closes connections that ping more often than every 5 s
    ("grpc.keepalive_timeout_ms", 3000),
    ("grpc.http2.ping_timeout_ms", 3000),
    ("grpc.http2.max_pings_without_data", 0),  # a silent watch would be pinged once a minute only
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),  # else a new client inherits the reconnect delay of a dead one
    ("grpc.initial_reconnect_backoff_ms", 300),
    ("grpc.max_reconnect_backoff_ms", 2000),
]

_ENVIRONMENT: Final = {
    "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python",
    "GRPC_VERBOSITY": "NONE",
    "GRPC_ENABLE_FORK_SUPPORT": "0",
}

_WAIT: Final = 2.0
"""Seconds after which a thread of gRPC that waits for an answer looks around; the answer wakes it anyway."""
_importing = threading.Lock()


def load() -> Any:
    """Import etcd3 (slow, once), quietly; its generated code needs protobuf's Python implementation."""
    with _importing:
        # Whatever the person at the console has set for other programs: gRPC would write over the screen.
        environment.leave("GRPC_", "PROTOCOL_BUFFERS_")
        os.environ.update(_ENVIRONMENT)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # its generated code is of 2019
            import etcd3
            import grpc

        # By itself it looks ten times a second, for main threads that a signal is to end (Python 2).
        grpc._common.MAXIMUM_WAIT_TIMEOUT = _WAIT
        return etcd3


def new_client(port: int, timeout: float) -> Any:
    """A client of the member behind a port of this machine; `timeout` in seconds is for each call."""
    return load().Etcd3Client(host="127.0.0.1", port=port, timeout=timeout, grpc_options=_CHANNEL)
