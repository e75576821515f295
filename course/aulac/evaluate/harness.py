"""Our models in lm-eval, the harness most published numbers come from.

`lm_eval` knows only models that have been imported, and has no list of others to
look in. A task file that names a function of this module makes it import us, so with
a task of ours given by its path the plain command finds the model:

    lm_eval --model aulac --model_args path=FOLDER \\
        --tasks "$(aulac evaluate harness --where)/aulac_questions.yaml"

With any other task, import us first; `aulac evaluate harness` does just that and hands
all its arguments to lm-eval:

    aulac evaluate harness --model_args path=FOLDER --tasks xcopa_vi_local \\
        --metadata xcopa=xcopa_vi_test.jsonl

Tasks of ours, all from local files, nothing is fetched: `aulac_questions` and
`aulac_pairs` are built in; `xcopa_vi_local`, `vmlu_local`, `belebele_vi_local`,
`m_mmlu_vi_local`, `choice_local` and `text_local` read a file of yours, named as
xcopa=, vmlu=, belebele=, m_mmlu=, choice= or text=FILE behind --metadata. The first
three rules of `aulac.evaluate.choice` are in lm-eval `acc` (sum) and `acc_bytes`
(byte); its `acc_norm` divides by characters, which is neither.

Where context and continuation meet: lm-eval's own models encode both as one text and
cut the ids where those of the context alone would end. With superwords a token can
reach over that border, and the cut would then fall inside it. So both are encoded
apart (see `likelihood.continuations`), and spaces that end the context move to the
continuation, as everywhere in lm-eval.
"""

from __future__ import annotations

import math
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from tqdm import tqdm

from aulac.evaluate import choice, files, pairs, questions
from aulac.evaluate.bits import measure_windows, total
from aulac.evaluate.errors import EvaluationError
from aulac.evaluate.likelihood import continuations
from aulac.export import from_hf
from aulac.generate import generate
from aulac.model import Transformer
from aulac.text import normalise
from aulac.tokenizer import template

TASKS = Path(__file__).resolve().with_name("tasks")
CHUNK = 256  # requests between two moves of the progress bar
BATCH = 32


@register_model("aulac")
class Aulac(LM):
    """A model folder of ours (or any that `export.from_hf` reads) as lm-eval's LM.

    path: the folder. batch_size: a number; "auto" is 32. device: "cuda", "cpu", …;
    by default a GPU where there is one. stride: of the sliding window, for
    perplexity; by default half the context, as in `evaluate.bits`.
    Raises EvaluationError without a path, and where no model can be loaded from it.
    """

    def __init__(
        self,
        path: str | None = None,
        batch_size: int | str | None = None,
        max_batch_size: int | None = None,
        device: str | None = None,
        stride: int | None = None,
    ):
        super().__init__()
        if not path:
            raise EvaluationError(
                "lm-eval was given no model folder: add --model_args path=FOLDER.",
                "lm-eval chưa biết thư mục mô hình: hãy thêm --model_args path=FOLDER.",
            )
        automatic = not str(batch_size or "").isdigit()
        self.batch_size = BATCH if automatic else int(batch_size or BATCH)
        gpu = torch.cuda.is_available()
        if not device or (device.startswith("cuda") and not gpu):
            device = (
                "cuda" if gpu else "cpu"
            )  # lm-eval asks for cuda:0 anywhere
        self._device = torch.device(device)
        model, self.tokenizer = _loaded(path)
        self.model = model.to(self._device)
        self.stride = stride
        self.path = path
        # What apply_chat_template wrote, and its ids: encoded turn by turn, as in
        # training, where text that looks like a special token stays text.
        self._turns: dict[str, list[int]] = {}

    def loglikelihood(
        self, requests: list[Any], disable_tqdm: bool = False
    ) -> list[tuple[float, bool]]:
        """(ln p, would greedy decoding write it?) of (context, continuation)s."""
        asked = [self._pair(*request.args) for request in requests]
        found = []
        for some in self._parts(asked, disable_tqdm):
            found += continuations(
                self.model, self.tokenizer, some, self.batch_size
            )
        return [(-one.nats, one.greedy) for one in found]

    def loglikelihood_rolling(
        self, requests: list[Any], disable_tqdm: bool = False
    ) -> list[float]:
        """ln p of whole texts, read in windows that slide: see `evaluate.bits`."""
        found = []
        texts = [request.args[0] for request in requests]
        for text in tqdm(texts, disable=disable_tqdm):
            if not text:
                found.append(0.0)
                continue
            (windows,) = measure_windows(
                self.model,
                self.tokenizer,
                [text],
                stride=self.stride,
                batch=self.batch_size,
            )
            found.append(-total(windows).bits * math.log(2))
        return found

    def generate_until(
        self, requests: list[Any], disable_tqdm: bool = False
    ) -> list[str]:
        """A text for each (context, settings), up to `until` or the token limit."""
        asked = [request.args for request in requests]
        return [
            self._generate(context, dict(settings))
            for context, settings in tqdm(asked, disable=disable_tqdm)
        ]

    def apply_chat_template(
        self,
        chat_history: list[dict[str, str]],
        add_generation_prompt: bool = True,
    ) -> str:
        """The conversation as text; its ids are remembered for later requests."""
        text = template.render(chat_history, add_generation_prompt)
        ids, _ = template.encode(
            chat_history, self.tokenizer, add_generation_prompt
        )
        self._turns[text] = ids
        return text

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """The template, for lm-eval's records."""
        return template.TEMPLATE if chat_template else None

    @property
    def tokenizer_name(self) -> str:
        """For lm-eval's cache of requests."""
        return f"aulac {Path(self.path).resolve()}".replace("/", "__")

    def _parts(self, rows: list[Any], quiet: bool) -> Iterator[list[Any]]:
        with tqdm(total=len(rows), disable=quiet) as bar:
            for start in range(0, len(rows), CHUNK):
                some = rows[start : start + CHUNK]
                yield some
                bar.update(len(some))

    def _pair(self, context: str, text: str) -> tuple[str | list[int], str]:
        if context in self._turns:
            return self._turns[context], text
        bare = context.rstrip()
        return bare, context[len(bare) :] + text

    def _generate(self, context: str, settings: dict[str, Any]) -> str:
        until = settings.get("until") or ()
        limit = int(settings.get("max_gen_toks") or 128)
        sampling: dict[str, Any] = {"temperature": 0.0}
        if settings.get("do_sample"):
            known = ("temperature", "top_k", "top_p", "min_p")
            sampling |= {k: settings[k] for k in known if k in settings}
        prompt = self._turns.get(context) or self.tokenizer.encode(context)
        room = self.model.config.context - limit
        if room < 1:
            size = self.model.config.context
            raise EvaluationError(
                f"max_gen_toks {limit} leaves nothing of the model's context of "
                f"{size}: ask for fewer, --gen_kwargs max_gen_toks=64.",
                f"max_gen_toks {limit} chiếm hết ngữ cảnh {size} token của mô hình: hãy "
                "xin ít hơn, --gen_kwargs max_gen_toks=64.",
            )
        return generate(
            self.model,
            self.tokenizer,
            prompt[-room:],
            limit,
            stop=until,
            **sampling,
        )


def _loaded(path: str) -> tuple[Transformer, Any]:
    try:
        return from_hf(path)
    except (OSError, ValueError, KeyError) as error:
        why = (
            "thư mục không phải là một mô hình, hoặc bị thiếu, bị hỏng tệp (xem bản "
            "tiếng Anh)."
        )
        raise EvaluationError(
            f"no model can be loaded: {error}",
            f"không nạp được mô hình ở {path}: {getattr(error, 'vi', why)}",
        ) from error


# -- data of the tasks in TASKS ------------------------------------------------

Splits = dict[str, Any]


def _local(
    name: str, read: Callable[[Path], list[dict[str, Any]]], given: Splits
) -> Splits:
    """What lm-eval takes for a data set: one split, `test`."""
    from datasets import Dataset

    if not given.get(name):
        raise EvaluationError(
            f"this task reads a file of yours: add --metadata {name}=FILE.",
            f"bài đo này đọc tệp của bạn: hãy thêm --metadata {name}=FILE.",
        )
    return {"test": Dataset.from_list(read(Path(str(given[name]))))}


def _documents(found: list[choice.Question]) -> list[dict[str, Any]]:
    return [
        {
            "id": question.id,
            "subject": question.subject,
            "prompt": question.prompt.format(stem=question.stem),
            "options": list(map(normalise, question.options)),
            "answer": question.answer,
        }
        for question in found
    ]


def _texts(path: Path) -> list[dict[str, Any]]:
    return [{"text": normalise(text)} for text in files.load_texts(path)]


def own_questions(**_: Any) -> Splits:
    """The course's questions."""
    from datasets import Dataset

    found = _documents(questions.questions())
    return {"test": Dataset.from_list(found)}


def own_pairs(**_: Any) -> Splits:
    """The course's minimal pairs; the right sentence comes first."""
    from datasets import Dataset

    rows = [
        {"rule": pair.rule, "options": [pair.right, pair.wrong]}
        for pair in pairs.generate()
    ]
    return {"test": Dataset.from_list(rows)}


def xcopa(**given: Any) -> Splits:
    """XCOPA's JSON lines, as `files.load_xcopa` puts them."""
    return _local(
        "xcopa", lambda path: _documents(files.load_xcopa(path)), given
    )


def vmlu(**given: Any) -> Splits:
    """VMLU's JSON lines, as `files.load_vmlu` puts them."""
    return _local(
        "vmlu", lambda path: _documents(files.load_vmlu(path)), given
    )


def own_choice(**given: Any) -> Splits:
    """Questions of the user's own, see `files.load`."""
    return _local("choice", lambda path: _documents(files.load(path)), given)


def belebele(**given: Any) -> Splits:
    """Belebele's JSON lines: flores_passage, question, mc_answer1 to 4, …"""
    fields = ("flores_passage", "question", "correct_answer_num")
    answers = (f"mc_answer{number}" for number in range(1, 5))
    read = partial(files.load_records, fields=(*fields, *answers))
    return _local("belebele", read, given)


def m_mmlu(**given: Any) -> Splits:
    """m_mmlu's JSON lines: instruction, option_a to option_d, answer."""
    options = (f"option_{letter}" for letter in "abcd")
    read = partial(
        files.load_records, fields=("instruction", "answer", *options)
    )
    return _local("m_mmlu", read, given)


def text(**given: Any) -> Splits:
    """JSON lines with a `text`."""
    return _local("text", _texts, given)


def main(arguments: list[str]) -> None:
    """lm-eval's own command: our model unless another is named, our tasks known."""
    import lm_eval.tasks
    from lm_eval.__main__ import cli_evaluate

    words = {word.partition("=")[0] for word in arguments}
    extra = []
    if arguments[0] not in ("ls", "validate") and not words & {
        "--model",
        "-M",
    }:
        extra += ["--model", "aulac"]
    if "--include_path" not in words:
        extra += ["--include_path", str(TASKS)]
    # lm-eval reads all its 14,000 task files first: half a minute or more, for nothing
    # where only tasks of ours are asked for.
    manager = partial(
        lm_eval.tasks.TaskManager, include_defaults=not _ours(arguments)
    )
    sys.argv = ["lm_eval", *arguments, *extra]
    with patch.object(lm_eval.tasks, "TaskManager", manager):
        cli_evaluate()


def _ours(arguments: list[str]) -> bool:
    """Whether every task that is asked for is one of ours, by name or by file."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--tasks", "-t", nargs="*", default=[])
    asked, _ = parser.parse_known_args(arguments)
    names = [name for word in asked.tasks for name in word.split(",")]
    files = set(TASKS.glob("*.yaml"))
    known = {path.stem for path in files}
    return bool(names) and all(
        name in known or Path(name).resolve() in files for name in names
    )
