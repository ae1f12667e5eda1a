"""The build context is stable, complete and carries the CA bundle the user wants."""

import io
import re
import tarfile
from pathlib import Path

import pytest

from pghalab.lab.image.base import debootstrap_command, mounts_below
from pghalab.lab.image.build import parse_versions
from pghalab.lab.image.context import CA_PLACE, IMAGE_FOLDER, ca_bundle, image_files, pack
from pghalab.lab.types import LabError


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    copy = tmp_path / "image"
    for name, content in reversed(list(image_files().items())):
        path = copy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600)
    assert pack(image_files(copy)).getvalue() == pack(image_files()).getvalue()


def test_scripts_are_executable_and_owned_by_root() -> None:
    with tarfile.open(fileobj=io.BytesIO(pack(image_files()).getvalue())) as archive:
        members = {member.name: member for member in archive.getmembers()}
    assert all((member.uid, member.gid, member.mtime) == (0, 0, 0) for member in members.values())
    for name in ("rootfs/etcdSetup.sh", "rootfs/usr/local/sbin/node-start", "early/usr/sbin/policy-rc.d"):
        assert members[name].mode == 0o755
    assert members["rootfs/etc/ssh/sshd_config"].mode == 0o644
    assert members["rootfs/etc"].isdir()


def test_every_copied_folder_of_the_dockerfile_is_in_the_context() -> None:
    names = image_files()
    for source in re.findall(r"^COPY (?:\S+ )*?(\S+)/ /$", names["Dockerfile"].decode(), re.M):
        assert any(name.startswith(f"{source}/") for name in names), source


def test_no_secret_and_no_architecture_in_the_image() -> None:
    for path in IMAGE_FOLDER.rglob("*"):
        if path.is_file() and not path.name.startswith("requirements"):
            text = path.read_text()
            assert "PRIVATE KEY" not in text, path
            assert not re.search(r"amd64|x86_64|aarch64", text), path


def test_requirements_are_pinned_with_hashes() -> None:
    for name in ("requirements.txt", "requirements-build.txt"):
        text = (IMAGE_FOLDER / name).read_text()
        entries = re.split(r"\n(?=\S)", text.strip())
        assert entries and all("==" in entry and "--hash=sha256:" in entry for entry in entries)
        assert "://" not in text


def test_ca_bundle(tmp_path: Path) -> None:
    first, second = tmp_path / "a.pem", tmp_path / "b.pem"
    first.write_text("a")
    second.write_text("b")
    assert ca_bundle({}) is None
    assert ca_bundle({"SSL_CERT_FILE": str(tmp_path / "absent")}) is None
    assert ca_bundle({"SSL_CERT_FILE": str(second)}) == second
    assert ca_bundle({"SSL_CERT_FILE": str(second), "PGHALAB_CA_BUNDLE": str(first)}) == first
    with pytest.raises(LabError, match="PGHALAB_CA_BUNDLE"):
        ca_bundle({"PGHALAB_CA_BUNDLE": str(tmp_path / "absent")})
    assert CA_PLACE.startswith("early/") and CA_PLACE.endswith(".crt")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null"])
def test_no_versions(text: str) -> None:
    assert parse_versions(text) is None


def test_versions() -> None:
    assert parse_versions('{"postgresql": "17.11"}') == {"postgresql": "17.11"}


def test_mounts_below_a_folder() -> None:
    mounts = "proc /t/x/proc proc rw 0 0\nsys /t/x/proc/sys sysfs rw 0 0\nother /t/xy tmpfs rw 0 0\n"
    assert mounts_below(Path("/t/x"), mounts) == ["/t/x/proc", "/t/x/proc/sys"]


def test_debootstrap_trusts_https_mirrors_only_with_certificates() -> None:
    assert "--include=ca-certificates" in debootstrap_command(Path("/t"), "https://mirror.example/debian")
    assert "--include=ca-certificates" not in debootstrap_command(Path("/t"), "http://mirror.example/debian")
