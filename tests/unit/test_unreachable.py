"""Each way in which the engine cannot be used has its own kind and its own advice; real clients raise the errors."""

from __future__ import annotations

import grp
import os
import pwd
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.unreachable import unreachable
from pghalab.lab.host import install
from pghalab.lab.types import LabError


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


def refused() -> LabError:
    with pytest.raises(LabError) as caught:
        Engine.connect()
    return caught.value


@pytest.mark.parametrize("name", ["DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"])
def test_certificates_that_are_asked_for_and_not_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "/nowhere")
    error = refused()
    assert error.kind == "engine-settings"
    assert f"unset {name}" in error.todo and "cert.pem" in error.todo


@pytest.mark.parametrize(
    "content", ["[]", '{"auths": 3}', '{"auths": {"x": 3}}', '{"proxies": 3}', '{"HttpHeaders": 3}']
)
def test_settings_of_the_docker_client_that_are_broken(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content)
    error = refused()
    assert error.kind == "engine-settings"
    assert str(tmp_path / "config.json") in error.what and "mv " in error.todo


@pytest.mark.parametrize("host", ["foo://x", "ssh://far"])
def test_an_address_that_is_none_or_cannot_be_used(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    error = refused()
    assert (error.kind, error.todo) == ("engine-settings", "For this machine's own: unset DOCKER_HOST")


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"])
def test_nothing_answers(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    error = refused()
    assert error.kind == "no-engine" and host in error.what and "pghalab doctor" in error.todo


@pytest.fixture
def silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An engine that takes a connection and says nothing."""
    monkeypatch.setattr("pghalab.lab.engine.client.CONNECT_TIMEOUT", 0.2)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{tmp_path}/s")
        listening.listen()
        yield


def test_an_engine_that_is_silent(silent: None) -> None:
    assert refused().kind == "engine-silent"


def test_a_socket_that_may_not_be_used_is_not_an_engine_to_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    # What the SDK raises for it; root, who may run these tests, may use every socket.
    error = OSError("('Connection aborted.', PermissionError(13, 'Permission denied'))")
    error.__cause__ = PermissionError(13, "Permission denied")
    told = unreachable(error)
    assert told.kind == "no-permission"
    assert "start" not in told.todo.lower()


def test_who_is_in_the_group_already_has_to_log_in_again_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group = grp.struct_group(("engines", "x", os.getgid(), []))
    monkeypatch.setattr(grp, "getgrgid", lambda number: group)
    assert "usermod -aG engines" in install.join_group(tmp_path).command
    me = pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.setattr(grp, "getgrgid", lambda number: grp.struct_group(("engines", "x", 1, [me])))
    assert install.join_group(tmp_path).command == "newgrp engines"
