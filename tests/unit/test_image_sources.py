"""The host's Debian mirror is found in both formats of apt's sources, and nothing else is taken for one."""

from pathlib import Path

import pytest

from pghalab.lab.image.aptsources import debian_mirror, read_sources

DEB822 = """\
Types: deb
# a comment inside
URIs: http://deb.example.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.example.org/debian-security
Suites: bookworm-security
Components: main
"""


def test_deb822() -> None:
    assert debian_mirror([DEB822]) == "http://deb.example.org/debian"


@pytest.mark.parametrize(
    "line",
    [
        "deb http://mirror.example/debian/ trixie main contrib",
        "deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://mirror.example/debian stable main # local",
    ],
)
def test_one_line(line: str) -> None:
    assert debian_mirror([f"# deb http://other/debian sid main\n{line}\n"]) == "http://mirror.example/debian"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "deb-src http://mirror.example/debian trixie main",
        "deb http://mirror.example/debian-security trixie main",
        "deb http://mirror.example/debian trixie-updates main",
        "deb http://mirror.example/debian trixie contrib",
        "deb http://archive.example/ubuntu noble main",
        "deb cdrom:[Debian]/ trixie main",
        "deb https://packages.example/apt tool main",
        DEB822.split("\n\n")[0] + "\nEnabled: no\n",
        "Types: deb-src\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main\n",
    ],
)
def test_what_is_no_mirror(text: str) -> None:
    assert debian_mirror([text]) is None


def test_continuation_lines_and_second_file() -> None:
    text = "Types: deb\nURIs:\n http://a.example/debian\nSuites: trixie\nComponents:\n contrib\n main\n"
    assert debian_mirror(["deb https://packages.example/apt tool main", text]) == "http://a.example/debian"


def test_reads_lists_and_sources_only(tmp_path: Path) -> None:
    folder = tmp_path / "sources.list.d"
    folder.mkdir()
    (folder / "debian.sources").write_text("one")
    (folder / "old.list").write_text("two")
    (folder / "old.list.save").write_text("three")
    assert read_sources(tmp_path) == ["one", "two"]
    assert read_sources(tmp_path / "absent") == []
