"""Secrets are removed however they are written and wherever a stream is torn, and what a lesson is about stays."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from pghalab.redact import HELD, KEPT, LONGEST, MARK, Removal, Secrets
from tests.shipped import shipped_course

SCRIPTS = Path(__file__).parents[2] / "pghalab" / "image" / "rootfs"
OWN = "Tr0ub4dor&3"
ODD = "o'b:r\\ien"
BEGIN, END = "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"
_KEY = f"{BEGIN}\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\nAAAABG5vbmUAAAAA==\n{END}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("PGPASSWORD=hunter2 psql -h x", "PGPASSWORD=(removed) psql -h x"),
        ('PGPASSWORD="a b" psql; ls', 'PGPASSWORD="(removed)" psql; ls'),
        ("PGPASSWORD=abc; ls", "PGPASSWORD=(removed); ls"),
        ("export PATRONI_SUPERUSER_PASSWORD=$ecret", "export PATRONI_SUPERUSER_PASSWORD=(removed)"),
        ("psql 'host=a password=hunter2 user=b'", "psql 'host=a password=(removed) user=b'"),
        (r"password = 'it\'s' host=a", "password = '(removed)' host=a"),
        ("psql postgresql://bob:hunter2@pgha1:5432/db", "psql postgresql://bob:(removed)@pgha1:5432/db"),
        ("etcd http://root:p@ss@pgha1:2379/x", "etcd http://root:(removed)@pgha1:2379/x"),
        ("https://h/?password=a&sslmode=require", "https://h/?password=(removed)&sslmode=require"),
        ("http://127.0.0.1:8000/?token=Zm9vYmFyYmF6", "http://127.0.0.1:8000/?token=(removed)"),
        ("      password: hunter2", "      password: (removed)"),
        ("  password: 'it''s'", "  password: '(removed)'"),
        ('{"user": "a", "password": "a b"}', '{"user": "a", "password": "(removed)"}'),
        ("psql --password hunter2 db", "psql --password (removed) db"),
        ("etcdctl --user root:hunter2 get x", "etcdctl --user root:(removed) get x"),
        ("curl -u postgres:hunter2 http://x", "curl -u postgres:(removed) http://x"),
        ("alter role shop password 'abc' login;", "alter role shop password '(removed)' login;"),
        ("alter role shop password 'never ended", "alter role shop password (removed)"),
        ("bob | SCRAM-SHA-256$4096:c2FsdA==$a2V5:c2Vy | t", "bob | SCRAM-SHA-256(removed) | t"),
        (f"bob | md5{'0a' * 16} | t", "bob | md5(removed) | t"),
        ("*:*:*:postgres:hunter2", "*:*:*:postgres:(removed)"),
        (r"localhost:5432:db:bob:x\:y", "localhost:5432:db:bob:(removed)"),
        ("echo '*:*:*:bob:hunter2' >> ~/.pgpass", "echo '*:*:*:bob:(removed)' >> ~/.pgpass"),
        ("Authorization: Bearer abc123456", "Authorization: Bearer (removed)"),
        ("Authorization: Basic cG9zdGdyZXM6aHVudGVy", "Authorization: Basic (removed)"),
        (f"it says {OWN} here", "it says (removed) here"),
        ("quoted: o''b:r\\ien o%27b%3Ar%5Cien o'b\\:r\\\\ien", "quoted: (removed) (removed) (removed)"),
        ("pass\x1b[31mword=hun\x1b[0mter2 x", "pass\x1b[31mword=(removed) x"),
        (f"x {OWN[:4]}\x1b[K{OWN[4:]} y", "x (removed) y"),
        (_KEY, f"{BEGIN}\n(removed)\n(removed)\n{END}"),
        (f"{BEGIN}\\nMIIE\\n{END}", f"{BEGIN}(removed){END}"),
        (f"{BEGIN}\nMIIEvQ\n\nno key any more", f"{BEGIN}\n(removed)\n\nno key any more"),
        ("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj", MARK),
    ],
)  # fmt: skip
def test_a_secret_is_removed_and_what_stands_around_it_stays(text: str, told: str) -> None:
    secrets = Secrets([OWN, ODD])
    assert secrets.removed(text) == told
    assert secrets.removed(told) == told


@pytest.mark.parametrize(
    "text",
    [
        "initial-cluster-token: pgha-token",
        "ETCD_INITIAL_CLUSTER_TOKEN=pgha-token",
        '{"auth-token":"simple","initial-cluster-token":"pgha-token"}',
        "password_encryption: scram-sha-256",
        "host all all 127.0.0.1/32 scram-sha-256",
        "Password for user postgres: ",
        'FATAL:  password authentication failed for user "postgres"',
        "pgpass: /var/lib/postgresql/patroni.pgpass",
        "password: (not shown)",
        "create role shop login password '...'",
        "alter role bubba password :'password';",
        "PGPASSWORD=$PGHALAB_PASSWORD psql",
        "docker run -u 1000:1000 x",
        "sudo -u postgres psql",
        "http://pgha1:2379,http://pgha2:2379",
        "link/ether 02:42:c0:a8:32:0a",
        "key: /service/pgha/leader",
        "the leader key in etcd = the truth",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Secrets([OWN, "postgres"]).removed(text) == text


def test_everything_that_the_course_runs_and_prints_stays_as_it_is() -> None:
    secrets = Secrets(["postgres", "bubba", OWN])
    for step in shipped_course().steps:
        for text in (step.expect, step.kind.where.command):
            assert secrets.removed(text) == text, step.id
    for file in SCRIPTS.glob("*.sh"):
        assert secrets.removed(file.read_text()) == file.read_text(), file


def test_a_plain_word_is_a_password_only_where_it_stands_as_one() -> None:
    secrets = Secrets(["postgres"])
    assert secrets.removed("su - postgres; psql -U postgres") == "su - postgres; psql -U postgres"
    assert secrets.removed("PGPASSWORD=postgres psql -U postgres") == "PGPASSWORD=(removed) psql -U postgres"
    assert Secrets(["ab1"]).removed("ab1ab1") == "ab1ab1"
    assert Secrets(["lab1"]).removed("lab10 lab1") == "lab10 (removed)"


def test_a_stream_torn_anywhere_is_cleaned_like_the_whole() -> None:
    text = (
        f"one\nPGPASSWORD=hunter2 psql\r\n  password: 'it''s'\r{OWN}\n{_KEY}\n"
        f"a\x1b[31mb {OWN[:3]}\x1b[0m{OWN[3:]}\n*:*:*:postgres:x\npostgres://a:{OWN}@h"
    )
    secrets = Secrets([OWN])
    whole = secrets.removed(text)
    assert OWN not in whole and "hunter2" not in whole and "b3Blbn" not in whole
    for seed in range(200):
        random.seed(seed)
        stream, told, at = Removal(secrets), [], 0
        while at < len(text):
            size = random.choice((1, 2, 3, 7, 50))
            told.append(stream.feed(text[at : at + size]))
            at += size
        assert "".join([*told, stream.close()]) == whole, seed


@pytest.mark.parametrize("before", [0, 10, HELD - KEPT - 5, HELD - 5, HELD, 3 * HELD])
@pytest.mark.parametrize("secret", ["password=hunter2", f"x={OWN}"])
def test_a_line_without_an_end_hides_no_secret_and_is_not_held_back_for_ever(before: int, secret: str) -> None:
    stream, line = Removal(Secrets([OWN])), "." * before + f" {secret} " + "." * 4 * HELD
    told = ""
    held = 0
    for at in range(0, len(line), 997):
        told += stream.feed(line[at : at + 997])
        held = max(held, min(len(line), at + 997) - len(told))
    assert held <= HELD + KEPT + 997
    assert told + stream.close() == line.replace("hunter2", MARK).replace(OWN, MARK)


def test_a_secret_without_an_end_is_removed_to_its_end() -> None:
    stream = Removal(Secrets())
    told = stream.feed("password=") + "".join(stream.feed("x" * 1000) for _ in range(3 * LONGEST // 1000))
    assert told == "password=(removed)"
    assert stream.feed("xx yy\n") == " yy\n"


def test_values_in_json_are_cleaned_and_numbers_stay() -> None:
    value = {"command": f"echo {OWN}", "n": 1, "list": [None, True, f"PGPASSWORD={OWN}"], "in": {"a": "password=x"}}
    assert Secrets([OWN]).within(value) == {
        "command": "echo (removed)", "n": 1, "list": [None, True, "PGPASSWORD=(removed)"],
        "in": {"a": "password=(removed)"},
    }  # fmt: skip


def test_spans_say_where_so_that_a_screen_can_cover_the_cells() -> None:
    text = f"a\nPGPASSWORD={OWN} x\n\x1b[1m{OWN}\x1b[0m"
    assert [text[start:end] for start, end in Secrets([OWN]).spans(text)] == [OWN, OWN]


@pytest.mark.parametrize(
    "piece",
    ["password=", "password='", "a", ":", "://", "-----BEGIN ", "\x1b[31m", "a:5432:", "eyJaaaaaaaaaa.", "--password ",
     "-u a", "token: ", "md5", "A1a", "\\", "password=\\", "'", "'\""],
)  # fmt: skip
def test_hostile_text_costs_time_in_proportion_to_its_length(piece: str) -> None:
    def seconds(size: int) -> float:
        text, secrets = piece * (size // len(piece)), Secrets([OWN, ODD])
        best = float("inf")
        for _ in range(3):
            before = time.process_time()
            secrets.removed(text)
            stream = Removal(secrets)
            for at in range(0, len(text), 4096):
                stream.feed(text[at : at + 4096])
            stream.close()
            best = min(best, time.process_time() - before)
        return best

    # Four times as long takes four times as long; the square of that would be sixteen.
    assert seconds(160_000) < 10 * seconds(40_000) + 0.02
