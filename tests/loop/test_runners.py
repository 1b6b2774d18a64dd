"""Steps run in this process and in others: the same results, limits that hold, and a dead process is noticed."""

from __future__ import annotations

import time

import pytest
from step_projects import TABLES, kept, laid, outputs, ran, states

from kaizenml.core.process import is_running
from kaizenml.errors import NotFoundError, StepFailedError


def test_every_runner_gives_the_same_bytes(tmp_path):
    folder = laid(tmp_path / "lab", TABLES)
    here = ran(folder, "here", runner="local", uses_cache=False)
    there = ran(folder, "there", runner="pool", uses_cache=False)

    assert outputs(there) == outputs(here)
    assert kept(folder, there, "report")["rows"] == 50
    assert states(ran(folder, "again", runner="pool")) == dict.fromkeys(["table", "parts", "sizes", "report"], "cached")


def test_an_item_that_changes_what_the_next_ones_reach_keeps_them_from_being_used_again(tmp_path):
    folder = laid(tmp_path / "lab", """
        import store

        def grown(box):
            return box.append(len(box)) if len(box) == 1 else None

        @project.step
        def parts():
            return [1, 2, 3]

        @project.step
        def sized(part=kz.each("parts")):
            size = len(store.BOX)
            grown(store.BOX)
            return size

        @project.step
        def sizes(sized):
            return sized

        project.pipeline("all", sizes)
    """, store="BOX = [0]")  # fmt: skip
    first = ran(folder, "first")
    again = ran(folder, "again")

    assert kept(folder, first, "sizes") == [1, 2, 2]
    assert "changes" in next(step.note for step in first.steps if step.name == "sized")
    assert next(step.items_cached for step in again.steps if step.name == "sized") == 0


def test_items_of_a_fan_out_run_side_by_side(tmp_path):
    folder = laid(tmp_path / "lab", """
        @project.step
        def parts(count=4):
            return list(range(count))

        @project.step
        def met(part=kz.each("parts")):
            os.makedirs("seen", exist_ok=True)
            open(f"seen/{os.getpid()}", "w").close()
            until = time.monotonic() + 60
            while len(os.listdir("seen")) < 2 and time.monotonic() < until:
                time.sleep(0.02)
            return len(os.listdir("seen"))

        @project.step
        def most(met):
            return max(met)

        project.pipeline("all", most)
    """)  # fmt: skip
    done = ran(folder, runner="pool")

    assert kept(folder, done, "most") == 2


@pytest.mark.parametrize("asks", ["cpus=1000", 'memory=f"{MOST * 3 // 5}B"'], ids=["cpus", "memory"])
def test_items_that_each_want_most_of_the_machine_take_turns(tmp_path, asks):
    folder = laid(tmp_path / "lab", f"""
        MOST = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

        @project.step
        def parts():
            return list(range(8))

        @project.step({asks})
        def alone(part=kz.each("parts")):
            for mark in "<>":
                with open("marks", "a") as file:
                    file.write(mark)
                time.sleep(0.2)
            return part

        project.pipeline("all", alone)
    """)  # fmt: skip
    ran(folder, runner="pool")

    assert (folder / "marks").read_text() == "<>" * 8


@pytest.mark.parametrize(
    ("options", "body", "says"),
    [
        ('timeout="0.5s"', "time.sleep(30)", "took longer than 0.5 s"),
        ('memory="300MB"', "x = bytearray(900_000_000); x[::4096] = b'1' * len(x[::4096]); time.sleep(20)",
         "GB of memory, more than its 0.30 GB"),
        ('timeout="60s"', "os.kill(os.getpid(), signal.SIGKILL)", "killed from outside, as a machine does"),
        ('timeout="60s"', "os._exit(7)", "exit code 7"),
        ('timeout="60s"', "raise ValueError('no such price')", "raised ValueError: no such price"),
    ],
)  # fmt: skip
def test_a_step_that_is_stopped_or_dies_fails_the_run_with_the_reason(tmp_path, options, body, says):
    folder = laid(tmp_path / "lab", f"""
        @project.step({options})
        def bad():
            {body}

        project.pipeline("all", bad)
    """)  # fmt: skip
    begun = time.monotonic()

    with pytest.raises(StepFailedError, match=says) as failed:
        ran(folder)

    assert "`bad`" in failed.value.message
    assert time.monotonic() - begun < 25
    from kaizenml.loop.wiring import open_house, read_settings

    with open_house(read_settings(folder.resolve(), {})).records.reading() as books:
        run = books.runs.get("run-1")
    assert run.state == "failed"
    assert says.split()[0] in run.error
    assert states(run) == {"bad": "failed"}


def test_a_step_whose_process_dies_once_is_run_by_another(tmp_path):
    folder = laid(tmp_path / "lab", """
        @project.step(timeout="60s")
        def shaky():
            if not os.path.exists("tried"):
                open("tried", "w").close()
                os.kill(os.getpid(), signal.SIGKILL)
            return "done"

        project.pipeline("all", shaky)
    """)  # fmt: skip
    done = ran(folder)

    assert states(done) == {"shaky": "done"}


def test_a_step_whose_process_is_stopped_is_run_by_another(tmp_path, monkeypatch):
    monkeypatch.setattr("kaizenml.adapters.pool_runner.LOST_SECONDS", 1.0)
    folder = laid(tmp_path / "lab", """
        @project.step
        def shaky():
            if not os.path.exists("tried"):
                open("tried", "w").write(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGSTOP)
            return "done"

        project.pipeline("all", shaky)
    """)  # fmt: skip
    done = ran(folder, runner="pool")

    assert states(done) == {"shaky": "done"}
    assert not is_running(int((folder / "tried").read_text()))


def test_what_a_step_prints_in_another_process_comes_with_its_name_and_item(tmp_path, capfd):
    folder = laid(tmp_path / "lab", """
        @project.step
        def parts():
            return ["a", "b"]

        @project.step
        def shown(part=kz.each("parts")):
            print("sees", part)
            print("warns of", part, file=sys.stderr)

        @project.step
        def all_shown(shown):
            return len(shown)

        project.pipeline("all", all_shown)
    """)  # fmt: skip
    ran(folder, runner="pool")
    said = "".join(capfd.readouterr())

    for line in ("[shown 1/2] sees a", "[shown 2/2] sees b", "[shown 1/2] warns of a", "[shown 2/2] warns of b"):
        assert f"{line}\n" in said


def test_what_cannot_leave_the_process_stays_in_it(tmp_path):
    folder = laid(tmp_path / "lab", """
        @project.step(cache=False)
        def numbers():
            return (i for i in range(4))

        @project.step
        def total(numbers):
            return sum(numbers)

        project.pipeline("all", total)
    """)  # fmt: skip
    assert states(ran(folder, runner="pool")) == {"numbers": "done", "total": "done"}


def test_a_pipeline_or_runner_that_does_not_exist_is_told_the_close_match(tmp_path):
    folder = laid(tmp_path / "lab", """
        @project.step
        def one():
            return 1

        project.pipeline("all", one)
    """)  # fmt: skip
    with pytest.raises(NotFoundError, match="pol"):
        ran(folder, runner="pol")
    with pytest.raises(NotFoundError, match="al"):
        ran(folder, "run-2", pipeline="al")


def test_a_declared_file_that_is_not_there_is_named(tmp_path):
    folder = laid(tmp_path / "lab", """
        @project.step(files=["there.txt", "prices/*.csv", "misspelt.txt"])
        def read():
            with open("there.txt") as file:
                return file.read()

        project.pipeline("all", read)
    """)  # fmt: skip
    (folder / "there.txt").write_text("x")

    done = ran(folder)

    assert done.steps[0].note == "declared files that are not there: prices/*.csv, misspelt.txt"
