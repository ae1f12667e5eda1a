"""Which etcd cluster a member belongs to, so that a member of another one is never taken for one of ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pghalab.cluster.model import EtcdEndpoint


def home(endpoints: Iterable[EtcdEndpoint]) -> str | None:
    """The id of the cluster that most of the answering members belong to; None when none is ahead of the others."""
    counted = Counter(endpoint.cluster_id for endpoint in endpoints if endpoint.cluster_id).most_common(2)
    if not counted or (len(counted) == 2 and counted[0][1] == counted[1][1]):
        return None
    return counted[0][0]
