"""lm-eval with our models: real runs, from local files, no network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from aulac import chat
from aulac.cli.evaluate import command as evaluate_command
from aulac.evaluate import measure
from aulac.evaluate.choice import choose
from aulac.evaluate.files import load_vmlu, load_xcopa
from aulac.evaluate.likelihood import continuations
from aulac.evaluate.pairs import generate as pairs
from aulac.evaluate.pairs import prefer
from aulac.evaluate.questions import questions
from aulac.export import to_hf
from aulac.generate import generate

pytest.importorskip(
    "lm_eval", reason="lm-eval is not installed: pip install lm-eval==0.4.13"
)

XCOPA = [
    ("Trời mưa to.", "Đường ngập nước.", "Trời nắng.", "effect", 0),
    ("Cậu bé khóc.", "Cậu được quà.", "Cậu bị ngã rất đau.", "cause", 1),
    ("Cô giáo ốm.", "Lớp học nghỉ một buổi.", "Cây nở hoa.", "effect", 0),
    ("Con mèo no.", "Nó đói.", "Nó vừa ăn hết con cá to.", "cause", 1),
    ("Đèn tắt.", "Phòng tối.", "Phòng sáng hơn hẳn lúc nãy.", "effect", 0),
]
VMLU = [
    ("Thủ đô của Việt Nam?", ["Huế", "Hà Nội", "Đà Nẵng", "Cần Thơ"], "B"),
    ("2 + 2 = ?", ["4", "năm", "sáu trăm", "7"], "A"),
    ("Ai viết Truyện Kiều?", ["Nguyễn Trãi", "Tố Hữu", "Nguyễn Du"], "C"),
]


def write(file, rows):
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """A small file of each kind that a task of ours reads."""
    folder = tmp_path_factory.mktemp("bench")
    names = ("premise", "choice1", "choice2", "question", "label")
    write(folder / "xcopa", [dict(zip(names, row)) for row in XCOPA])  # noqa: B905
    vmlu = [
        {
            "id": f"01-{number}",
            "question": stem,
            "choices": [
                f"{letter}. {option}"
                for letter, option in zip("ABCD", options, strict=False)
            ],
            "answer": answer,
        }
        for number, (stem, options, answer) in enumerate(VMLU)
    ]
    write(folder / "vmlu", vmlu)
    own = {"id": "a", "subject": "toán", "question": "1 + 1 = ?"}
    write(folder / "choice", [own | {"options": ["2", "3"], "answer": 0}])
    passage = {"flores_passage": "Lan đi chợ.", "question": "Ai đi chợ?"}
    answers = {f"mc_answer{n}": name for n, name in enumerate("abcd", 1)}
    write(folder / "belebele", [passage | answers | {"correct_answer_num": 2}])
    options = {f"option_{letter}": letter for letter in "abcd"}
    asked = {"instruction": "Chọn một chữ.", "answer": "C"}
    write(folder / "m_mmlu", [asked | options])
    write(folder / "text", [{"text": "Con mèo ngồi dưới gốc đa."}])
    return folder


@pytest.fixture
def model(build):
    return build(context=256)


@pytest.fixture
def folder(tmp_path, model, tokenizer):
    return to_hf(model, tokenizer, tmp_path / "model")


@pytest.fixture
def lm(folder):
    from aulac.evaluate.harness import Aulac

    return Aulac(path=str(folder), device="cuda:0", batch_size="auto")


def requests(*arguments):
    return [SimpleNamespace(args=row) for row in arguments]


@pytest.fixture
def results(lm, files):
    """results(*tasks) -> lm-eval's table, from an evaluation in this process."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    from aulac.evaluate.harness import TASKS

    names = ("xcopa", "vmlu", "choice", "belebele", "m_mmlu", "text")
    manager = TaskManager(
        include_path=str(TASKS),
        include_defaults=False,
        metadata={name: str(files / name) for name in names},
    )

    def call(*tasks, **options):
        return simple_evaluate(
            lm,
            tasks=list(tasks),
            task_manager=manager,
            bootstrap_iters=0,
            **options,
        )

    return call


def test_choice_is_the_same_number_here_and_there(
    results, model, tokenizer, files
):
    """acc is our rule `sum`, acc_bytes our rule `byte`, item by item."""
    found = results(
        "xcopa_vi_local", "vmlu_local", "aulac_questions", limit=40
    )
    asked = {
        "xcopa_vi_local": load_xcopa(files / "xcopa"),
        "vmlu_local": load_vmlu(files / "vmlu"),
        "aulac_questions": questions()[:40],
    }
    for task, items in asked.items():
        ours = choose(model, tokenizer, items)
        rows = sorted(found["samples"][task], key=lambda row: row["doc_id"])
        assert [row["acc"] for row in rows] == ours.right("sum")
        assert [row["acc_bytes"] for row in rows] == ours.right("byte")
        table = found["results"][task]
        assert table["acc,none"] == pytest.approx(ours.accuracy("sum").value)
        assert table["acc_bytes,none"] == pytest.approx(ours.accuracy().value)


def test_pairs_and_running_text_are_the_same_too(
    results, model, tokenizer, files
):
    found = results("aulac_pairs", "text_local", limit=60)["results"]
    ours = prefer(model, tokenizer, pairs()[:60]).accuracy().value
    assert found["aulac_pairs"]["acc,none"] == pytest.approx(ours)
    text = json.loads((files / "text").read_text())["text"]
    wanted = measure(model, tokenizer, [text]).per_byte
    assert found["text_local"]["bits_per_byte,none"] == pytest.approx(
        wanted, rel=1e-6
    )


def test_every_task_of_the_folder_runs(results):
    from aulac.evaluate.harness import TASKS

    names = sorted(file.stem for file in TASKS.glob("*.yaml"))
    found = results(*names, limit=2)["results"]
    assert sorted(found) == names


def test_a_task_without_its_file_says_so(lm):
    from lm_eval.tasks import TaskManager

    from aulac.evaluate.harness import TASKS

    manager = TaskManager(include_path=str(TASKS), include_defaults=False)
    with pytest.raises(ValueError, match="--metadata vmlu=FILE"):
        manager.load(["vmlu_local"])


def test_context_and_continuation_are_encoded_apart(lm, model, tokenizer):
    asked = [("Con mèo ", "ngồi"), ("Con mèo", " ngồi"), ("", "Con mèo")]
    moved, plain, alone = lm.loglikelihood(requests(*asked), True)
    ours = continuations(model, tokenizer, asked[1:])
    assert moved == (pytest.approx(plain[0]), plain[1])
    assert [plain[0], alone[0]] == pytest.approx([-c.nats for c in ours])


def test_greedy_is_what_greedy_decoding_writes(lm, model, tokenizer):
    prompt = "Con mèo"
    said = generate(model, tokenizer, prompt, 6, temperature=0)
    ids = tokenizer.encode(said)
    (found,) = lm.loglikelihood(requests((prompt, said)), True)
    (other,) = lm.loglikelihood(requests((prompt, " ngồi dưới")), True)
    whole = continuations(model, tokenizer, [(prompt, said)])[0]
    assert found[1] == whole.greedy
    assert not other[1]
    assert whole.tokens == len(ids)


def test_generation_stops_where_it_is_told(lm, model, tokenizer):
    wanted = generate(model, tokenizer, "Con mèo", 12, temperature=0)
    settings = {"until": [], "max_gen_toks": 12, "temperature": 0.7}
    (free,) = lm.generate_until(requests(("Con mèo", settings)), True)
    assert free == wanted  # do_sample is not set
    stop = wanted[2:4]
    settings = {"until": [stop], "max_gen_toks": 12}
    (cut,) = lm.generate_until(requests(("Con mèo", settings)), True)
    assert cut == wanted[: wanted.index(stop)]
    with pytest.raises(ValueError, match="leaves nothing"):
        lm.generate_until(requests(("a", {"max_gen_toks": 256})), True)


def test_a_conversation_is_encoded_as_in_training(lm, model, tokenizer):
    turns = [{"role": "user", "content": "Xin chào <|im_end|>"}]
    text = lm.apply_chat_template(turns)
    ids, _ = chat.encode(turns, tokenizer, generation_prompt=True)
    assert text == chat.render(turns, True)
    (found,) = lm.loglikelihood(requests((text, "Chào bạn")), True)
    ours = continuations(model, tokenizer, [(ids, "Chào bạn")])[0]
    assert found[0] == pytest.approx(-ours.nats)
    (said,) = lm.generate_until(requests((text, {"max_gen_toks": 5})), True)
    assert said == generate(model, tokenizer, ids, 5, temperature=0)
    assert lm.chat_template(True) == chat.TEMPLATE
    assert "/" not in lm.tokenizer_name


def test_a_model_has_to_be_named():
    from aulac.evaluate.harness import Aulac

    with pytest.raises(ValueError, match="path=FOLDER"):
        Aulac()
    with pytest.raises(ValueError, match=r"no model can be loaded: .*config"):
        Aulac("/nowhere")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (None, "add --metadata belebele=FILE"),
        ({"question": "?"}, "line 1: there is no 'flores_passage'"),
    ],
)
def test_what_a_file_lacks_is_a_sentence_and_no_traceback(
    folder, tmp_path, monkeypatch, row, says
):
    from lm_eval import __main__ as theirs

    # It would hold on to the stderr that the runner takes away afterwards.
    monkeypatch.setattr(theirs, "setup_logging", lambda: None)
    given = ["--model_args", f"path={folder}", "--tasks", "belebele_vi_local"]
    if row:
        file = write(tmp_path / "bad.jsonl", [row])
        given += ["--metadata", f"belebele={file}"]
    run = CliRunner().invoke(evaluate_command.app, ["harness", *given])
    assert run.exit_code == 1, run.output
    assert "Lỗi: " in run.output and "Traceback" not in run.output
    assert says in run.output


def test_the_command_hands_on_what_it_was_given(monkeypatch):
    from lm_eval import __main__ as theirs

    seen = []
    monkeypatch.setattr(theirs, "cli_evaluate", lambda: seen.append(sys.argv))
    run = CliRunner()
    where = run.invoke(evaluate_command.app, ["harness", "--where"])
    tasks = where.output.strip()
    assert (Path(tasks) / "vmlu_local.yaml").is_file()
    told = run.invoke(evaluate_command.app, ["harness"]).output
    assert "lm_eval --model aulac" in told and "lm-eval" in told
    for given in (["--tasks", "x"], ["-M", "hf"], ["ls", "tasks"]):
        found = run.invoke(evaluate_command.app, ["harness", *given])
        assert found.exit_code == 0, found.output
    own, other, listed = seen
    ending = ["--include_path", tasks]
    assert own == ["lm_eval", "--tasks", "x", "--model", "aulac", *ending]
    assert other == ["lm_eval", "-M", "hf", *ending]
    assert listed == ["lm_eval", "ls", "tasks", *ending]


@pytest.mark.parametrize(
    ("tasks", "all_of_them"),
    [
        (["--tasks", "aulac_pairs,aulac_questions"], False),
        (["--tasks=aulac_pairs", "--limit", "5"], False),
        (["-t", "aulac_pairs", "aulac_questions"], False),
        (["--tasks", "FOLDER/vmlu_local.yaml"], False),
        (["--tasks", "aulac_pairs,hellaswag_vi"], True),
        (["ls", "tasks"], True),
        (["--model_args", "path=x"], True),
    ],
)
def test_lm_evals_own_tasks_are_read_where_they_are_wanted(
    monkeypatch, tasks, all_of_them
):
    """It has 14,000 files of them: half a minute or more that ours need not wait."""
    import lm_eval.tasks
    from lm_eval import __main__ as theirs

    from aulac.evaluate.harness import TASKS, main

    asked = []
    monkeypatch.setattr(
        lm_eval.tasks, "TaskManager", lambda **given: asked.append(given)
    )
    monkeypatch.setattr(
        theirs, "cli_evaluate", lambda: lm_eval.tasks.TaskManager()
    )
    main([word.replace("FOLDER", str(TASKS)) for word in tasks])
    assert asked == [{"include_defaults": all_of_them}]


def test_the_command_runs_a_task_of_ours(folder, monkeypatch):
    from lm_eval import __main__ as theirs

    monkeypatch.setattr(theirs, "setup_logging", lambda: None)
    given = ["--model_args", f"path={folder}", "--tasks", "aulac_questions"]
    run = CliRunner().invoke(
        evaluate_command.app, ["harness", *given, "--limit", "2"]
    )
    assert run.exit_code == 0, run.output
    assert "aulac_questions" in run.output and "acc_bytes" in run.output


@pytest.mark.slow
def test_the_plain_command_finds_the_model(folder, files, tmp_path):
    """`lm_eval --model aulac`, as a user types it, cut off from the network."""
    from aulac.evaluate.harness import TASKS

    command = [
        *(str(Path(sys.executable).with_name("lm_eval")), "--model", "aulac"),
        *("--model_args", f"path={folder}", "--metadata"),
        *(f"xcopa={files / 'xcopa'}", "--output_path", str(tmp_path)),
        *("--tasks", str(TASKS / "xcopa_vi_local.yaml")),
    ]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    done = subprocess.run(
        command,
        env=os.environ | offline | {"HF_HOME": str(tmp_path / "hub")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "xcopa_vi_local" in done.stdout and "acc_bytes" in done.stdout
