"""Reads the host's apt sources, in both formats, to find the Debian mirror that it uses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

_ONE_LINE = re.compile(r"deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)\s+(.+)")
_PLAIN_SUITE = re.compile(r"[a-z]+")


def read_sources(folder: Path = Path("/etc/apt")) -> list[str]:
    """The texts of the apt sources files under `folder`; a file that cannot be read is left out."""
    texts = []
    for path in (folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))):
        if path.suffix in (".list", ".sources"):
            try:
                texts.append(path.read_text(errors="replace"))
            except OSError:
                continue
    return texts


def debian_mirror(texts: Iterable[str]) -> str | None:
    """The first mirror of Debian's main archive in these sources, else None.

    Security, updates and backports live elsewhere or lack the base system; other vendors' archives are no Debian.
    """
    for text in texts:
        for uri, suite, components in _entries(text):
            if "main" in components and _PLAIN_SUITE.fullmatch(suite) and _is_debian(uri):
                return uri.rstrip("/")
    return None


def _is_debian(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    last = parts.path.rstrip("/").rsplit("/", 1)[-1]
    return parts.scheme in ("http", "https") and last.startswith("debian") and "security" not in last


def _entries(text: str) -> Iterable[tuple[str, str, list[str]]]:
    for line in text.splitlines():
        if found := _ONE_LINE.match(line.split("#", 1)[0].strip()):
            yield found[1], found[2], found[3].split()
    for stanza in re.split(r"\n\s*\n", text):
        fields = _fields(stanza)
        disabled = fields.get("enabled", "yes").lower() in ("no", "false", "0")
        if "deb" in fields.get("types", "").split() and not disabled:
            for uri in fields.get("uris", "").split():
                for suite in fields.get("suites", "").split():
                    yield uri, suite, fields.get("components", "").split()


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t") and name:
            fields[name] += " " + line.strip()
        elif ":" in line:
            name, value = line.split(":", 1)
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields
