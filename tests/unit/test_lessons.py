"""Facts of the course that must hold, whatever its sentences become."""

from __future__ import annotations

import re

import pytest

from pghalab.course.kinds import Edit, Question
from pghalab.course.lint import lint
from pghalab.course.model import CheckSpec, Course, Step
from pghalab.course.titles import LESSONS as LESSONS_FOLDER
from tests.shipped import shipped_course

LESSONS = [
    "welcome", "quorum", "image", "deploy", "names", "folders", "etcd-config", "etcd-start", "patroni-config", "leader",
    "replicas", "pg-hba", "replication", "switchover", "failover", "member", "looking-back",
]  # fmt: skip
CREDIT = ("Jorge Torralba", "postgressolutions.com", "Postgres High Availability with Patroni Training")
DONATION = "https://www.paypal.com/donate/?hosted_button_id=J2HWPPWX8EBNC"
ERRATA = {f"T{number}" for number in range(1, 37)}
"""The errors of the source text that are known."""
NAMED = {
    "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T9", "T10", "T11", "T12", "T13", "T14", "T15", "T16", "T17", "T18",
    "T19", "T20", "T21", "T22", "T23", "T24", "T25", "T35", "T36",
}  # fmt: skip
"""Those that the core course meets."""
NODELIST = "pgha1:192.168.50.10 pgha2:192.168.50.11 pgha3:192.168.50.12 pgha4:192.168.50.13 pgha5:192.168.50.14"
ETCD = "nohup etcd --config-file /pgha/config/etcd.yaml > /var/log/etcd/etcd-standalone.log 2>&1 &"
LIST = "patronictl -c /pgha/config/patroni.yaml list"
LETTER_BY_LETTER = [
    "mkdir -p /pgha/{config,certs,data/{etcd,postgres}}",
    "chown -R postgres:postgres /pgha",
    "mkdir -p /var/log/etcd",
    "chmod 700 /var/log/etcd",
    "mkdir -p /var/log/patroni",
    "chmod 700 /var/log/patroni",
    "chown postgres:postgres /var/log/etcd",
    "chown postgres:postgres /var/log/patroni",
    "sudo -E -u postgres /bin/bash -l",
    "/etcdSetup.sh -y",
    "echo $NODELIST",
    *(f"ssh pgha{n} \"export NODELIST='{NODELIST}'; /etcdSetup.sh -y\"" for n in (2, 3, 4, 5)),
    'ssh pgha5 "cat /pgha/config/etcd.yaml"',
    ETCD,
    *(f'ssh pgha{n} "{ETCD}"' for n in (2, 3, 4, 5)),
    "etcdctl  member list",
    "etcdctl --write-out=table --endpoints=$ENDPOINTS endpoint status",
    "cp -p /createRoles.sh /pgha/config/",
    "echo $PGDATA",
    "rm -rf /pgdata/17/data",
    "/patroniSetup.sh",
    LIST,
    *(f'ssh pgha{n} "rm -rf /pgdata/17/data/"' for n in (2, 3)),
    "cd /var/log/patroni",
    "cat patroni.log",
    'psql -h pgha1 -c "select datname from pg_stat_database"',
    'psql -h pgha2 -c "select datname from pg_stat_database"',
    'psql -h pgha1 -c "create database foobar"',
]  # fmt: skip
SHOWN = [
    "git clone git@github.com:jtorral/rocky9-pg17-bundle.git",
    "cd rocky9-pg17-bundle",
    "docker build -t rocky9-pg17-bundle .",
    "./genDeploy -m -n 5 -c pgha -w pghanet -s 192.168.50 -i rocky9-pg17-bundle",
    "./DockerRunThis.pgha create",
    "patronictl -c /pgha/config/patroni.yaml edit-config",
    "etcd nodes = (postgres nodes / 2) + 1",
    "N = (2 * F) + 1",
    "host all postgres 192.168.50.0/24 md5",
    'ssh pgha2 "cp -p /createRoles.sh /pgha/config;',
    'rm -rf /pgdata/17/data/; /patroniSetup.sh"',
]
"""What the source text prints and a learner reads, but does not run here."""
SEEN_IN_THE_CLUSTER = {
    "names-dns": "resolves",
    "names-aliases": "resolves",
    "folders-pgha1": "path",
    "folders-rest": "path",
    "etcd-conf-plain": "path",
    "etcd-yaml-look": "path",
    "etcd-majority": "etcd",
    "etcd-log": "path",
    "etcd-member-list": "path",
    "etcd-status": "path",
    "etcd-status-2380": "path",
    "etcd-two-away": "etcd_key",
    "etcd-three-away": "process",
    "etcd-back": "etcd",
    "patroni-roles-read": "path",
    "patroni-vars": "path",
    "patroni-read-identity": "path",
    "patroni-read-bootstrap": "path",
    "patroni-read-postgresql": "path",
    "leader-list": "path",
    "leader-roles": "role",
    "leader-keys": "path",
    "replicas-list-two": "path",
    "replicas-list-three": "path",
    "replicas-list-final": "path",
    "hba-rules-before": "path",
    "hba-show-config": "path",
    "hba-accepted": "login",
    "hba-proof": "replication",
    "replication-leader-before": "database",
    "replication-replica-before": "database",
    "replication-read-only": "patroni",
    "replication-replica-after": "database",
    "replication-stat": "path",
    "back-processes": "path",
    "switchover-history": "dcs_key",
    "switchover-replicas": "cluster",
    **{f"switchover-pgha{number}": "dcs_key" for number in (1, 2, 3)},
    "back-ports": "path",
    "back-measured": "path",
    "switchover-table": "relation",
    "failover-kill": "patroni",
    "failover-list": "dcs_key",
    "failover-return": "cluster",
    "quorum-lost": "etcd",
    "quorum-writer-stop": "job",
    "member-start": "etcd",
}
"""Steps that print something, with the check that looks at the lab beside the output."""
WRONG = ["> patroni.log", "ceil(", 'ENDPOINTS="pgha1:2380']


@pytest.fixture(scope="module")
def course() -> Course:
    """The course that comes with pghalab."""
    return shipped_course()


def steps(course: Course) -> list[Step]:
    return course.steps


def command_lines(course: Course) -> set[str]:
    """Every line that is run, with the placeholders answered as in a first walk through the course."""
    text = "\n".join(step.kind.where.command for step in steps(course))
    text = text.replace("{{leader}}", "pgha1").replace("{{replica}}", "pgha2")
    return {part.strip() for line in text.splitlines() for part in (line, line.split(" <<")[0])}


def test_there_is_nothing_wrong_with_the_course(course: Course) -> None:
    assert [str(problem) for problem in lint(course)] == []


def test_seventeen_lessons_in_the_order_of_the_source_and_then_what_it_is_all_for(course: Course) -> None:
    assert [lesson.id for lesson in course.lessons] == LESSONS
    assert [lesson.number for lesson in course.lessons] == list(range(1, 18))
    assert [lesson.id for lesson in course.lessons if lesson.optional] == ["folders"]


def test_credit_is_given_in_every_lesson_and_the_donation_link_in_the_first(course: Course) -> None:
    for lesson in course.lessons:
        for name in CREDIT:
            assert name in lesson.credit, lesson.id
    assert DONATION in course.step("welcome-credit").prose
    prose = " ".join(course.step("welcome-credit").prose.split())
    assert "given for personal, self-paced training" in prose
    assert "must give credit to postgressolutions.com and to Jorge Torralba" in prose


@pytest.mark.parametrize("command", LETTER_BY_LETTER)
def test_a_right_command_of_the_source_is_run_letter_by_letter(course: Course, command: str) -> None:
    assert command in command_lines(course)


@pytest.mark.parametrize("text", SHOWN)
def test_what_the_source_prints_is_shown(course: Course, text: str) -> None:
    assert any(text in step.prose for step in steps(course))


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_run_only_where_it_is_the_subject(course: Course, text: str) -> None:
    found = {step.id for step in steps(course) if text in step.kind.where.command}
    assert found == ({"etcd-status-2380"} if "2380" in text else set())


def test_every_error_that_is_named_is_known_and_none_is_forgotten(course: Course) -> None:
    named = {number for step in steps(course) for number in step.errata}
    assert named <= ERRATA
    assert named == NAMED


def test_numbers_of_errors_are_for_authors_and_learners_read_words(course: Course) -> None:
    for step in steps(course):
        texts = (step.title, step.prose, step.after, step.correction, step.notes, *step.hints)
        assert not [text for text in texts if re.search(r"\bT\d+\b", text)], step.id


def test_two_questions_about_the_quorum_and_one_in_most_other_lessons(course: Course) -> None:
    count = {lesson.id: sum(isinstance(step.kind, Question) for step in lesson.steps) for lesson in course.lessons}
    assert count["quorum"] >= 2
    assert sum(number > 0 for number in count.values()) >= 12
    assert course.step("quorum-formula").widget == "quorum-table"


def test_what_a_learner_does_has_three_hints_and_every_lesson_a_note_for_a_presenter(course: Course) -> None:
    for step in steps(course):
        if step.kind.acts:
            assert len(step.hints) == 3, step.id
    assert [lesson.id for lesson in course.lessons if not any(step.notes for step in lesson.steps)] == []


def test_a_note_says_asks_or_points_and_stays_short(course: Course) -> None:
    for step in steps(course):
        for part in filter(None, step.notes.split("\n\n")):
            assert part.startswith(("Say: ", "Asked: ", "Point at: ")), (step.id, part)
            assert not part.startswith("Asked: ") or "? " in part, f"{step.id}: a question has its answer"
            assert len(part.split()) <= 70, step.id
            assert "*" not in re.sub(r"`[^`]*`", "", part.replace(" * ", "")), f"{step.id}: notes know backticks only"


def test_what_a_presenter_tells_of_the_length_is_what_is_planned(course: Course) -> None:
    assert "about three hours" in course.step("welcome-credit").notes
    assert 165 <= sum(lesson.minutes for lesson in course.lessons) <= 195


def test_prose_is_short_enough_for_a_small_screen(course: Course) -> None:
    for step in steps(course):
        for text in (step.prose, step.after):
            lines = [line for line in text.splitlines() if line.strip()]
            assert len(lines) <= 19, step.id
            assert all(len(line) <= 90 for line in lines), step.id
            assert "!" not in re.sub(r"`[^`]*`", "", text), step.id


def test_a_data_directory_is_never_removed_without_a_guard(course: Course) -> None:
    dangerous = [step for step in steps(course) if "rm -rf" in step.kind.where.command]
    assert {step.id for step in dangerous} == {
        "patroni-empty", "replicas-pgha2-empty", "replicas-pgha3-empty", "member-empty", "member-replace",
    }  # fmt: skip
    member = course.step("member-empty")
    assert [check.params["on"] for check in member.guard] == [["pgha1", "pgha2", "pgha3", "pgha4"]]
    for step in dangerous:
        if step.id.startswith("member-"):
            # The data of an etcd member: its four neighbours have all of it, and must be there.
            assert "/pgdata" not in step.kind.where.command
            continue
        guards = {(check.name, str(check.params.get("name", ""))) for check in step.guard}
        assert ("process", "postgres") in guards
        marks = [check for check in step.guard if check.params.get("path", "").endswith("/patroni.dynamic.json")]
        assert marks and all(check.params["absent"] for check in marks)
        starts, copied = (course.step(later) for later in step.until)
        assert step.checks[0].name == "emptied", "must hold while the data is being made"
        assert [check.name for check in starts.checks] == ["service"]
        assert [check.name for check in copied.checks] == ["path"], "must hold while etcd is down"


def test_a_file_that_is_gone_has_to_be_written_again_whatever_the_data_says(course: Course) -> None:
    """A step that writes a file is past only by one that shows that something works with it."""

    def writes(check: CheckSpec) -> bool:
        return check.name in ("path", "yaml") and not check.params["path"].startswith(("/pgdata/", "/pgha/data/"))

    def works(check: CheckSpec) -> bool:
        return writes(check) or (check.name in ("service", "process", "job") and check.params.get("running", True))

    for step in steps(course):
        if any(map(writes, step.checks)):
            for later in step.until:
                assert any(map(works, course.step(later).checks)), (
                    f"{step.id} would be past by {later} without its file"
                )


def test_no_service_is_started_twice(course: Course) -> None:
    starts = [step for step in steps(course) if re.search("nohup (etcd|patroni)", step.kind.where.command)]
    looks_first = re.compile(r"pgrep -x (\w+) > /dev/null \|\| { nohup \1 ")
    assert len([step for step in starts if not looks_first.search(step.kind.where.command)]) == 5 + 3
    for step in starts:
        if looks_first.search(step.kind.where.command):
            assert step.kind.where.command.count("nohup") == len(looks_first.findall(step.kind.where.command)), step.id
            continue
        program = "etcd" if "nohup etcd" in step.kind.where.command else "patroni"
        assert any(check.params == {**check.params, "name": program, "running": False} for check in step.guard), step.id


def test_the_pg_hba_list_keeps_everybody_who_needs_to_connect(course: Course) -> None:
    step = course.step("hba-edit")
    assert isinstance(step.kind, Edit)
    rules = step.kind.patch["postgresql"]["pg_hba"]
    for needed in (
        "local all all peer",
        "host all all 127.0.0.1/32 scram-sha-256",
        "host replication replicator 127.0.0.1/32 scram-sha-256",
        "host replication replicator 192.168.50.0/24 scram-sha-256",
        "host all postgres 192.168.50.0/24 scram-sha-256",
    ):
        assert needed in rules
    checked = next(check for check in step.checks if check.name == "hba")
    assert checked.params["has"] == rules
    assert not any("trust" in rule or "md5" in rule for rule in rules)


def test_from_lesson_13_on_the_leader_is_asked_for_and_not_assumed(course: Course) -> None:
    for lesson in course.lessons[12:13]:
        for step in lesson.steps:
            assert not re.search(r"-h pgha\d", step.kind.where.command), step.id


@pytest.mark.parametrize(("step", "check"), sorted(SEEN_IN_THE_CLUSTER.items()))
def test_a_step_that_looks_at_the_cluster_is_not_done_by_its_output_alone(
    course: Course, step: str, check: str
) -> None:
    assert {"output", check} <= {spec.name for spec in course.step(step).checks}


def test_a_quorum_of_three_is_still_true_when_five_members_answer(course: Course) -> None:
    _, members = course.step("etcd-majority").checks
    assert members.params == {"members": 5, "healthy": 3}


def test_a_switchover_waits_for_nobody_when_it_fails_and_works_whoever_leads(course: Course) -> None:
    for number in (1, 2, 3):
        step = course.step(f"switchover-pgha{number}")
        assert all(line.endswith(("&&", "since=$(date +%s)")) for line in step.kind.where.command.splitlines()[:-1])
        members, writer = step.guard
        assert members.params == {"on": [f"pgha{number}"], "role": "replica", "state": "streaming"}
        assert [check.params for check in step.needless_if] == [{"on": [f"pgha{number}"], "role": "leader"}]
        assert (writer.name, writer.otherwise != "") == ("job", True)
        # Who leads may change later, by a failover too, and a member may be away: that undoes nothing.
        assert {check.name for check in step.checks} == {"output", "dcs_key"}
        assert not step.optional


def test_what_a_drill_takes_away_it_writes_down_and_a_later_step_gives_back(course: Course) -> None:
    drills = {
        "etcd-two-away": "etcd-back",
        "etcd-three-away": "etcd-back",
        "failover-kill": "failover-return",
        "member-empty": "member-start",
        "member-replace": "member-start",
    }
    for name, back in drills.items():
        step, other = course.step(name), course.step(back)
        assert back in step.until, name
        noted, over = (next(check.params for check in one.checks if check.name == "etcd_key") for one in (step, other))
        # What tells a drill from an accident: the note is another one as soon as it is over.
        assert noted["key"] == over["key"] and noted["equals"] != over["equals"], name
        assert f'etcdctl put {over["key"]} "{over["equals"]}"' in other.kind.where.command, name
    undone = {each for step in steps(course) for each in step.undone_by}
    assert undone <= set(drills)


def test_the_file_that_is_shown_has_the_rules_that_the_script_writes(course: Course) -> None:
    script = (LESSONS_FOLDER.parent / "image" / "rootfs" / "patroniSetup.sh").read_text(encoding="utf-8")
    written = script.replace("$network", "192.168.50.0/24").replace("$auth", "scram-sha-256")
    rule = re.compile(r"^ +- ((?:local|host) .*)$", re.MULTILINE)
    assert rule.findall(course.step("patroni-read-bootstrap").expect) == rule.findall(written)


def test_nobody_was_promoted_before_the_lesson_that_switches_over(course: Course) -> None:
    for lesson in course.lessons[9:12]:
        for step in lesson.steps:
            assert set(re.findall(r"\| (?:running|streaming) +\| +(\d+) ", step.expect)) <= {"1"}, step.id


def test_the_rules_to_paste_are_those_of_the_step(course: Course) -> None:
    step = course.step("hba-edit")
    pasted = re.findall(r"^  - (.*)$", step.prose.replace("{{auth_method}}", "scram-sha-256"), re.MULTILINE)
    assert isinstance(step.kind, Edit)
    assert pasted == step.kind.patch["postgresql"]["pg_hba"]
    config = next(check for check in step.checks if check.name == "config")
    assert config.params == {"values": {"postgresql.pg_hba": pasted}}


def test_the_right_answer_is_told_neither_by_its_place_nor_by_its_length(course: Course) -> None:
    asked = [(step, step.kind) for step in steps(course) if isinstance(step.kind, Question)]
    places = [question.right for _, question in asked]
    assert max(places.count(place) for place in places) <= len(asked) * 0.4
    longest = [step.id for step, question in asked
               if len(question.choices[question.right]) == max(map(len, question.choices))]  # fmt: skip
    assert len(longest) <= len(asked) / 3, longest
    told = re.compile(r"\b(first|second|third|fourth|last)\b.*\banswer", re.IGNORECASE)
    assert [step.id for step, _ in asked if any(told.search(hint) for hint in step.hints)] == []


def test_a_guard_tells_a_living_member_from_data_that_nothing_runs_on(course: Course) -> None:
    for name in ("patroni-empty", "replicas-pgha2-empty", "replicas-pgha3-empty"):
        ways = {check.name: check.otherwise for check in course.step(name).guard}
        assert "living member" in ways["process"], name
        assert "nothing runs on it" in ways["path"].lower() and "Start Patroni on it" in ways["path"], name
        assert "rm -rf /pgdata/17/data" in ways["path"], name
