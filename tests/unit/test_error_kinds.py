"""Errors carry a kind, read once from the engine's words, so that no decision reads a sentence again."""

from __future__ import annotations

import pytest
import requests

from pghalab.cluster.rest import NoAnswer, NotRunning, OutOfReach
from pghalab.lab.engine.client import told
from pghalab.lab.types import ErrorKind, LabError


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (404, "No such container: pgha1", "gone"),
        (409, "removal of container pgha1 is already in progress", "gone"),
        (404, "network pghanet not found", "no-network"),
        (500, "failed to set up container networking: network 0f3c not found", "no-network"),
        (403, "failed to set up container networking: Address already in use", "taken"),
        (409, 'Conflict. The container name "/pgha1" is already in use by container "77"', "engine-refused"),
        (500, "something else", "engine-refused"),
    ],
)
def test_the_engines_refusals_have_a_kind(status: int, said: str, kind: ErrorKind) -> None:
    import docker.errors

    response = requests.Response()
    response.status_code = status
    error = told("Removing pgha1", docker.errors.APIError("x", response=response, explanation=said))
    assert error.kind == kind
    assert said in error.what


def test_an_error_without_a_kind_says_so_and_a_service_has_its_own() -> None:
    assert LabError("x").kind == "unspecified"
    assert LabError("x", kind="driven").kind == "driven"
    assert [one("x").kind for one in (NotRunning, NoAnswer, OutOfReach)] == ["not-running", "no-answer", "out-of-reach"]
    assert OutOfReach("x", kind="refused").kind == "refused"
