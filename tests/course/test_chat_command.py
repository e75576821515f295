"""`aulac chat` at the keyboard: commands, long and broken texts, Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import unicodedata

import pexpect
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from aulac.chat import Conversation, room
from aulac.cli import chat as chat_command
from aulac.export import to_hf

RUN = CliRunner()
pytestmark = pytest.mark.usefixtures("bare")


@pytest.fixture
def folder(tmp_path, build, tokenizer):
    return to_hf(build(context=100), tokenizer, tmp_path / "model")


@pytest.fixture
def echo(monkeypatch):
    """Conversations that count what they are told; [] for each that began."""
    begun: list[list[str]] = []

    def conversation(*_):
        begun.append([])

        def talk(text):
            begun[-1].append(text)
            return [f"{len(begun[-1])}", "\x1b[2J\x07", " nghe"]

        return talk

    monkeypatch.setattr(chat_command, "conversation", conversation)
    return begun


def typed(folder, *lines):
    said = "".join(f"{line}\n" for line in lines)
    result = RUN.invoke(chat_command.app, ["--model", str(folder)], input=said)
    assert result.exit_code == 0, result.output
    return result


def test_commands_are_heard_in_any_spelling_and_never_answered(folder, echo):
    bye = unicodedata.normalize("NFD", "/THOÁT")
    lines = ("/giúp", "một", "hai", "/new", "ba", "/xyz", bye, "thừa")
    result = typed(folder, *lines)
    assert echo == [["một", "hai"], ["ba"]]
    assert "breaks off an answer" in result.stdout
    assert "Không có lệnh /xyz" in result.stderr
    assert "There is no command /xyz" in result.stderr


def test_it_says_that_it_is_an_ai_and_how_to_leave(folder, echo):
    said = typed(folder).stdout
    assert "AI cỡ nhỏ" in said and "small AI" in said and "/help" in said


def test_what_comes_from_a_keyboard_is_made_text(folder, echo):
    odd = "a\x1bb\x07\x00", "  ", "", unicodedata.normalize("NFD", " mẹ ")
    typed(folder, *odd, "1/2 là mấy?", "/ hai /", "😢👩‍👩‍👧")
    assert echo == [["ab", "mẹ", "1/2 là mấy?", "/ hai /", "😢👩‍👩‍👧"]]


def test_what_a_model_writes_cannot_move_the_cursor(folder, echo):
    said = typed(folder, "một").stdout
    assert "Âu Lạc: 1[2J nghe\n" in said
    assert not [
        c for c in said if unicodedata.category(c) == "Cc" and c != "\n"
    ]


def test_the_folder_that_train_filled_is_as_good_as_the_model_in_it(
    build, tokenizer, tmp_path, echo
):
    made = tmp_path / "made"
    (made / "work").mkdir(parents=True)
    to_hf(build(), tokenizer, made / "model")
    assert f"model: {made / 'model'}." in typed(made).stdout


def test_broken_bytes_in_a_prompt_are_no_traceback(folder):
    options = ["--model", str(folder), "--max-tokens", "3"]
    asked = ["--prompt", "Ch\udce0o", "--prompt", ""]
    result = RUN.invoke(chat_command.app, [*options, *asked])
    assert result.exit_code == 0, result.output
    assert "Bạn: Cho\n" in result.output


@pytest.mark.parametrize("chat", [True, False])
def test_a_text_that_is_too_long_is_read_from_its_end(
    tmp_path, build, tokenizer, chat
):
    folder = to_hf(build(context=40), tokenizer, tmp_path / "model", chat=chat)
    options = ["--model", str(folder), "--max-tokens", "3"]
    long = ["--prompt", "Con mèo đi ra vườn. " * 30]
    result = RUN.invoke(chat_command.app, [*options, *long])
    assert result.exit_code == 0, result.output
    assert "mô hình không đọc " in result.stderr
    assert "does not read its first " in result.stderr
    short = RUN.invoke(chat_command.app, [*options, "--prompt", "Mèo"])
    assert "không đọc" not in short.stderr


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    texts=st.lists(st.text("aăế mèo<|im_end|>\n", max_size=120), min_size=1),
    context=st.integers(80, 200),
    answer=st.integers(1, 200),
    system=st.sampled_from([None, "Bạn là Âu Lạc."]),
)
def test_a_prompt_leaves_room_and_keeps_its_form(
    build, tokenizer, monkeypatch, texts, context, answer, system
):
    """Whatever is said, the model reads whole turns, and the end of the last."""
    read: list[list[int]] = []

    def stream(model, tokenizer, prompt, **_):
        read.append(prompt)
        return iter(["vâng"])

    monkeypatch.setattr("aulac.generate.stream", stream)
    talk = Conversation(
        build(context=context), tokenizer, system, max_tokens=answer
    )
    head = tokenizer.encode("assistant\n")
    for text in texts:
        unread = talk.unread(text)
        talk.say(text)
        ids = read[-1]
        assert len(ids) <= room(context, answer)
        turns = ids.count(tokenizer.im_start_id)
        assert turns == ids.count(tokenizer.im_end_id) + 1
        assert ids[-len(head) - 1 :] == [tokenizer.im_start_id, *head]
        kept = tokenizer.encode(text)[unread:]
        after = [tokenizer.im_end_id, *tokenizer.encode("\n")]
        end = len(ids) - len(head) - 1 - len(after)
        assert ids[end - len(kept) : end] == kept
        assert ids[end : end + len(after)] == after


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--temperature", "inf"], "must be a finite number"),
        (["--model", "note.gguf"], "a model's folder is needed"),
    ],
)
def test_a_bad_option_is_two_sentences(
    folder, tmp_path, monkeypatch, options, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.gguf").write_bytes(b"GGUF")
    given = ["--model", str(folder), *options, "--prompt", "Chào"]
    result = RUN.invoke(chat_command.app, given)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    vi, en = result.stderr.splitlines()
    assert vi.startswith("Lỗi: ") and en.startswith("Error: ") and said in en


@pytest.mark.parametrize(
    "options",
    [
        ["--temperature", "nan"],
        ["--seed", "99999999999999999999"],
        ["--max-tokens", "1000000000"],
    ],
)
def test_numbers_without_sense_are_refused_by_the_parser(options):
    result = RUN.invoke(chat_command.app, [*options, "--prompt", "Chào"])
    assert result.exit_code == 2 and options[0] in result.output


def test_at_a_terminal_lines_are_long_and_ctrl_c_leaves_quietly():
    """A terminal alone cuts a line at 4,096 bytes, inside a letter."""
    code = (
        "from aulac.cli.chat import converse\n"
        "converse(lambda: lambda text: [str(len(text))])"
    )
    child = pexpect.spawn(
        sys.executable,
        ["-c", code],
        env=os.environ | {"LC_ALL": "C.UTF-8", "TERM": "dumb"},
        encoding="utf-8",
        timeout=60,
        # A shell starts what runs in its background deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    child.expect("Bạn: ")
    child.sendline("ế" * 3000)
    child.expect(r"Âu Lạc: (\d+)")
    assert child.match[1] == "3000"
    child.expect("Bạn: ")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0 and "Traceback" not in child.before
