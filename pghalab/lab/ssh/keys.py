"""The console's key pair and the pinned host keys of the nodes."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pghalab.lab.host.files import Unfit, keep_aside, read_json, write_atomic
from pghalab.lab.types import LabError

KEY_NAME = "console_ed25519"
PINS_NAME = "host-keys.json"

_log = logging.getLogger(__name__)


def ensure_console_key(folder: Path) -> tuple[Path, str]:
    """Return the lab's private key file and its public text, making the ed25519 pair when there is none.

    A private key that others could read gets mode 0600 again; one that is damaged is kept aside, and a new pair
    is made, which the nodes are given through the engine. Raises LabError.
    """
    private = folder / KEY_NAME
    public = folder / f"{KEY_NAME}.pub"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if private.exists() and _public_text(private) is None:
            _log.warning("%s is damaged and is kept as %s", private, keep_aside(private).name)
        if not private.exists():
            _make_key(private)
        if private.stat().st_mode & 0o077:
            _log.warning("%s could be read by others; its mode is 0600 again", private)
            private.chmod(0o600)
        text = _public_text(private) or ""
        if not public.exists() or public.read_text(encoding="utf-8").strip() != text:
            write_atomic(public, text + "\n", 0o644)
    except OSError as error:
        raise _unusable(folder, error) from error
    return private, text


def _make_key(private: Path) -> None:
    """Generate a key into place; when another console was faster, its key stays."""
    import asyncssh

    key = asyncssh.generate_private_key("ssh-ed25519", comment="pghalab")
    handle, name = tempfile.mkstemp(prefix=f".{private.name}.", dir=private.parent)  # mode 0600 from the start
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key.export_private_key("openssh"))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            private.hardlink_to(name)
    finally:
        Path(name).unlink()


def public_key(folder: Path) -> str | None:
    """The public text of the lab's key as it is now, None when there is none that can be used; raises LabError."""
    try:
        return _public_text(folder / KEY_NAME)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(folder, error) from error


def _public_text(private: Path) -> str | None:
    import asyncssh

    try:
        key = asyncssh.read_private_key(private)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError):
        return None
    return key.export_public_key("openssh").decode("ascii").strip()


def is_public_key(text: str) -> bool:
    """Whether this is a whole public key."""
    import asyncssh

    try:
        asyncssh.import_public_key(text)
    except (asyncssh.KeyImportError, ValueError):
        return False
    return True


def _unusable(folder: Path, error: OSError) -> LabError:
    what = f"the console's key in {folder} cannot be used: {error.strerror or error}."
    return LabError(what, todo="Give yourself read and write access to that folder.", kind="state-folder")


class Pins:
    """The host key of each container, by container id, kept in one JSON file, or with `look_only` in memory."""

    def __init__(self, folder: Path, *, look_only: bool = False) -> None:
        self._path = folder / PINS_NAME
        self._look_only = look_only
        self._seen: dict[str, str] = {}
        self.notices: list[str] = []
        """What the learner should hear, such as a damaged file that was kept aside."""

    def get(self, container_id: str) -> str | None:
        """The pinned public key of a container, None when it has none; raises LabError."""
        return self._seen.get(container_id) or self._read().get(container_id)

    def set(self, container_id: str, public_key: str) -> None:
        """Pin a container's public key; raises LabError."""
        if self._look_only:
            self._seen[container_id] = public_key.strip()
            return
        pins = self._read()
        if pins.get(container_id) != public_key.strip():
            self._write({**pins, container_id: public_key.strip()})

    def keep_only(self, container_ids: Iterable[str]) -> None:
        """Forget the pins of containers that are gone; raises LabError."""
        wanted = set(container_ids)
        pins = self._read()
        left = {name: key for name, key in pins.items() if name in wanted}
        if left != pins:
            self._write(left)

    def _read(self) -> dict[str, str]:
        try:
            value = read_json(self._path)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise LabError(f"{self._path} cannot be read: {error.strerror}.", kind="state-folder") from error
        except Unfit:
            value = None
        if isinstance(value, dict) and all(isinstance(pin, str) for pin in value.values()):
            return value
        if self._look_only:
            return {}
        try:
            aside = keep_aside(self._path)
        except OSError as error:
            raise LabError(
                f"{self._path} is damaged and cannot be moved: {error.strerror}.", kind="state-folder"
            ) from error
        self.notices.append(f"{self._path} was damaged and is kept as {aside.name}; host keys are pinned anew.")
        _log.warning(self.notices[-1])
        return {}

    def _write(self, pins: dict[str, str]) -> None:
        try:
            write_atomic(self._path, json.dumps(pins, indent=1, sort_keys=True) + "\n")
        except OSError as error:
            raise LabError(f"{self._path} cannot be written: {error.strerror}.", kind="state-folder") from error
