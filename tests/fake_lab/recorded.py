"""What real labs answered, as `tests/recordings` keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pghalab.cluster import etcd
from pghalab.cluster.model import EtcdEndpoint
from tests.fake_lab.node import FakeNode
from tests.fake_lab.servers import http_server


async def recorded_endpoints(recorded: Mapping[str, Any]) -> tuple[EtcdEndpoint, ...]:
    """The rows that a recording's answers of etcd are read as."""
    rows = []
    for name, status in recorded["etcd_status"].items():
        if "error" in status:
            rows.append(EtcdEndpoint(name, f"{name}:2379", errors=status["error"]))
            continue
        with http_server({"/v3/maintenance/status": (200, json.dumps(status).encode())}) as port:
            rows.append(await etcd.endpoint(FakeNode(name, ports={2379: port})))
    return tuple(rows)
