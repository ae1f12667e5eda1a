"""Which etcd cluster a member belongs to, so that a member of another one is never taken for one of ours."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from pghalab.cluster.model import EtcdEndpoint


def member_id(peer_url: str, token: str) -> str:
    """The id that etcd gives a member of a new cluster, hexadecimal, from its peer URL and the cluster's token.

    Source: `computeMemberId` in etcd's server/etcdserver/api/membership/member.go.
    """
    digest = hashlib.sha1(f"{peer_url}{token}".encode(), usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:8]):x}"


def home(endpoints: Iterable[EtcdEndpoint]) -> str | None:
    """The id of the cluster that most of the answering members belong to; None when none is ahead of the others."""
    counted = Counter(endpoint.cluster_id for endpoint in endpoints if endpoint.cluster_id).most_common(2)
    if not counted or (len(counted) == 2 and counted[0][1] == counted[1][1]):
        return None
    return counted[0][0]
