"""The build context: the same bytes from the same files, so that the engine's cache holds."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from pghalab.lab.types import LabError

IMAGE_FOLDER = Path(__file__).resolve().parent.parent.parent / "image"
CA_PLACE = "early/usr/local/share/ca-certificates/pghalab-extra.crt"


def ca_bundle(environment: Mapping[str, str] | None = None) -> Path | None:
    """The extra CA bundle for the build: `PGHALAB_CA_BUNDLE`, else `SSL_CERT_FILE` when it exists, else None.

    Raises LabError when `PGHALAB_CA_BUNDLE` names a file that is not there.
    """
    environment = os.environ if environment is None else environment
    if chosen := environment.get("PGHALAB_CA_BUNDLE", ""):
        if not Path(chosen).is_file():
            raise LabError(f"PGHALAB_CA_BUNDLE names {chosen}, which is no file.", todo="Correct or unset it.")
        return Path(chosen)
    usual = environment.get("SSL_CERT_FILE", "")
    return Path(usual) if usual and Path(usual).is_file() else None


def image_files(folder: Path = IMAGE_FOLDER) -> dict[str, bytes]:
    """Every file of the image's folder by its path in the context."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def pack(files: Mapping[str, bytes]) -> io.BytesIO:
    """A tar archive of these files with fixed owners, times and order; what begins with `#!` is executable."""
    packed = io.BytesIO()
    folders = {parent.as_posix() for name in files for parent in PurePosixPath(name).parents} - {"."}
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(folders | set(files)):
            entry = tarfile.TarInfo(name)
            if name in files:
                content = files[name]
                entry.size = len(content)
                entry.mode = 0o755 if content.startswith(b"#!") else 0o644
                archive.addfile(entry, io.BytesIO(content))
            else:
                entry.type = tarfile.DIRTYPE
                entry.mode = 0o755
                archive.addfile(entry)
    packed.seek(0)
    return packed
