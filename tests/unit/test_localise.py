"""Names of lessons become the names of the lab, and nothing else does."""

import pytest

from pghalab.course.localise import Names
from pghalab.course.placeholders import fill, used

OTHER = Names("cr", "10.9.8", "md5")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ssh pgha2 ls", "ssh cr2 ls"),
        ("pgha1:2379,pgha5:2379", "cr1:2379,cr5:2379"),
        ("pgha1=http://192.168.50.10:2380", "cr1=http://10.9.8.10:2380"),
        ("host all postgres 192.168.50.0/24", "host all postgres 10.9.8.0/24"),
        ("/pgha/config and pgha_patroni_cluster and pgha-token and pghanet", None),
        ("mypgha1 pgha1x pgha0 pgha", None),
        ("192.168.5.10 1192.168.50.10 192.168.50.1000", None),
    ],
)
def test_text(text: str, wanted: str | None) -> None:
    assert OTHER.text(text) == (text if wanted is None else wanted)
    assert Names().text(text) == text


def test_the_network_has_the_name_that_the_lab_gave_it() -> None:
    names = Names(network="demonet")
    assert names.text("one network, pghanet.") == "one network, demonet."
    told = "`genDeploy -w pghanet`, pghanet1, mypghanet"
    assert names.text(told) == told


def test_values_are_localised_inside() -> None:
    value = {"pgha1": ["host all all 192.168.50.0/24 scram-sha-256", 3, None], "x": True}
    assert OTHER.value(value) == {"cr1": ["host all all 10.9.8.0/24 md5", 3, None], "x": True}


def test_prose_keeps_its_authentication_method() -> None:
    assert OTHER.text("scram-sha-256") == "scram-sha-256"
    assert OTHER.command("scram-sha-256") == "md5"


def test_placeholders() -> None:
    assert used("on {{leader}} and {{ replica }}", "{{leader}}") == {"leader", "replica"}
    assert fill("{{leader}} {{replica}}", {"leader": "pgha2"}) == "pgha2 {{replica}}"
