"""Turns the names and addresses that lessons are written with into those of the lab at hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pghalab.values import dataclass

_NODE = re.compile(r"(?<![A-Za-z0-9_])pgha(?=[1-9][0-9]*(?![A-Za-z0-9_]))")
_NETWORK = re.compile(r"(?<![\d.])192\.168\.50(?=\.\d{1,3}(?!\d))")

# As an option's value it is what the training's own tool was called with.
_NETWORK_NAME = re.compile(r"(?<!-w )(?<![A-Za-z0-9_])pghanet(?![A-Za-z0-9_])")


@dataclass(frozen=True, slots=True)
class Names:
    """The lab's prefix, subnet (three octets), authentication method and network."""

    prefix: str = "pgha"
    subnet: str = "192.168.50"
    auth_method: Literal["scram-sha-256", "md5"] = "scram-sha-256"
    network: str = "pghanet"

    def text(self, text: str) -> str:
        """Prose with `pghaN`, `192.168.50.N` and `pghanet` as this lab has them."""
        if self.prefix != "pgha":
            text = _NODE.sub(lambda _: self.prefix, text)
        if self.subnet != "192.168.50":
            text = _NETWORK.sub(lambda _: self.subnet, text)
        if self.network != "pghanet":
            text = _NETWORK_NAME.sub(lambda _: self.network, text)
        return text

    def command(self, text: str) -> str:
        """What is run or compared: as `text`, and with the lab's own authentication method.

        Passwords that are stored as MD5 hashes cannot answer a scram-sha-256 rule.
        """
        text = self.text(text)
        return text if self.auth_method == "scram-sha-256" else text.replace("scram-sha-256", self.auth_method)

    def value(self, value: Any) -> Any:
        """A parameter of a check or an edit: `command` on every text within."""
        if isinstance(value, str):
            return self.command(value)
        if isinstance(value, Mapping):
            return {self.value(key): self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value
