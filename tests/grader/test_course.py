"""`aulac course`: its steps in order, whatever one of them does."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest
from typer.testing import CliRunner

from aulac_grader import make

ORDER = [
    ["lessons", "build"],
    ["lessons", "verify"],
    ["chat"],
    ["book", "build"],
]


class Step:
    """A process that ends with a code, or whose wait is cut short by Ctrl-C."""

    def __init__(self, *ends: int | type[BaseException]):
        self.ends, self.killed = list(ends), False

    def wait(self) -> int:
        end = self.ends.pop(0)
        if isinstance(end, int):
            return end
        raise end

    def kill(self) -> None:
        self.killed = True


class Recorder:
    """Stands in for `subprocess.Popen`: notes each step and ends it as told."""

    def __init__(self, **ends: int | type[BaseException]):
        self.ends, self.steps, self.folders = ends, [], []

    def __call__(self, command, cwd=None, **options):
        assert command[:3] == [sys.executable, "-m", "aulac.cli"]
        words = command[3:]
        self.steps.append(words)
        self.folders.append(cwd)
        end = self.ends.get("_".join(words[:2]), self.ends.get(words[0], 0))
        ends = (end,) if isinstance(end, int) else (end, -2)
        return Step(*ends)

    @property
    def names(self) -> list[list[str]]:
        return [
            words[:1] if words[0] == "chat" else words[:2]
            for words in self.steps
        ]


@pytest.fixture
def run(monkeypatch):
    def go(*words: str, **ends: int | type[BaseException]):
        recorder = Recorder(**ends)
        monkeypatch.setattr(subprocess, "Popen", recorder)
        return CliRunner().invoke(make.app, list(words)), recorder

    return go


def test_the_steps_run_in_order_and_the_end_says_where_to_go(run):
    result, recorder = run()
    assert result.exit_code == 0, result.output
    assert recorder.names == ORDER
    assert set(recorder.folders) == {make.ROOT}
    for said in ("book/_build/html/index.html", "make lab", "aulac chat"):
        assert said in result.output


def test_every_step_is_a_command_line_that_exists(run):
    """Each step's words parse: a verb, its options and nothing else."""
    from importlib.metadata import entry_points

    import typer

    _, recorder = run("--scale", "laptop")
    verbs = {e.name: e for e in entry_points(group="aulac.commands")}
    for verb, *words in recorder.steps:
        command = typer.main.get_command(verbs[verb].load())
        if hasattr(command, "commands"):
            command, words = command.commands[words[0]], words[1:]
        context = command.make_context(verb, list(words))
        if "scale" in context.params:
            assert context.params["scale"] == "laptop"


def test_the_model_of_that_scale_answers_every_prompt(run):
    _, recorder = run("--scale", "laptop")
    chat = recorder.steps[2]
    assert chat[:3] == ["chat", "--scale", "laptop"]
    asked = [b for a, b in pairwise(chat) if a == "--prompt"]
    assert asked == list(make.PROMPTS) and len(asked) == 3


@pytest.mark.parametrize("broken", ["lessons_verify", "chat", "book_build"])
def test_a_failed_step_leaves_the_others_running(run, broken):
    result, recorder = run(**{broken: 1})
    assert recorder.names == ORDER
    assert result.exit_code == 1
    assert "Chưa xong" in result.output and "Not finished" in result.output


def test_one_broken_source_leaves_the_other_lessons_running(run):
    result, recorder = run(lessons_build=1)
    assert recorder.names == ORDER and result.exit_code == 1


def test_the_book_can_be_left_out(run):
    result, recorder = run("--skip-book")
    assert recorder.names == ORDER[:3] and result.exit_code == 0


def test_a_scale_that_is_not_there_ends_before_the_first_step(run):
    result, recorder = run("--scale", "huge")
    assert recorder.steps == [] and result.exit_code == 1
    assert "không có quy mô 'huge'" in result.output
    assert "there is no scale 'huge'" in result.output


@pytest.mark.parametrize("where", ["lessons_build", "lessons_verify", "book"])
def test_ctrl_c_ends_with_a_sentence(run, where):
    result, recorder = run(**{where: KeyboardInterrupt})
    assert result.exit_code == 130
    assert recorder.names[-1] == (
        where.split("_") if "_" in where else ["book", "build"]
    )
    assert "Đã dừng" in result.output and "go on" in result.output
    assert "Not finished" not in result.output


def test_a_second_ctrl_c_does_not_wait(monkeypatch):
    deaf = Step(KeyboardInterrupt, KeyboardInterrupt, -9)
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **o: deaf)
    result = CliRunner().invoke(make.app, [])
    assert deaf.killed and result.exit_code == 130


def test_a_step_that_ended_on_ctrl_c_ends_the_course(run):
    """The step's own process hears Ctrl-C first and has said its sentence."""
    result, recorder = run(lessons_verify=130)
    assert recorder.names == ORDER[:2] and result.exit_code == 130
