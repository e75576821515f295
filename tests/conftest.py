"""What tests of several folders share."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, settings

# Laws say what holds, not how fast: a busy machine breaks none. The same examples each
# time; `pytest --hypothesis-profile=search` looks for others.
settings.register_profile(
    "same",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("search", deadline=None)
settings.load_profile("same")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no worker ends alone on one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


SOURCE = """\
---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
aulac:
  lesson: "NUMBER"
  title: {vi: "Mạng lưới chữ", en: "A net of letters"}
  summary: {vi: "Bạn có một mạng nhỏ.", en: "You have a small net."}
  objectives: {vi: ["đếm mạng"], en: ["count nets"]}
  prerequisites: []
  needs: []
  makes: []
  cores: 1
  minutes: {tiny: 1, laptop: 1, t4: 1, gpu: 1}
  bands:
    nets: {min: 4, max: 9, means: {vi: "số mạng", en: "number of nets"}}
---

+++ {"lang": "vi"}

## Con mạng và cái măng

Một [bộ tách token](term:tokenizer) theo [Sennrich và cộng sự](cite:sennrich2016bpe).
Công thức $\\frac{a}{b} \\le \\sqrt{x_1}$ đứng giữa dòng.

$$
\\sum_{i=1}^{n} p_i \\log_2 \\frac{1}{p_i}
$$

**Đoán trước khi chạy.** Có mấy mạng?

+++ {"lang": "en"}

## The net and the bamboo shoot

A [tokenizer](term:tokenizer) after [Sennrich et al.](cite:sennrich2016bpe). The formula
$\\frac{a}{b} \\le \\sqrt{x_1}$ stands in the line.

$$
\\sum_{i=1}^{n} p_i \\log_2 \\frac{1}{p_i}
$$

**Guess before you run.** How many nets?

```{code-cell} ipython3
:tags: [predict]
guess = 3
```

```{code-cell} ipython3
print("a long line " * 30)
```

+++ {"lang": "vi"}

### Khi nó hỏng

Một chỗ hỏng.

#### Chỗ ấy ở đâu

Ở cuối.

### Bài tập

**1 (dễ).** Đếm lại.

+++ {"lang": "en"}

### When it breaks

Something breaks.

#### Where it is

At the end.

### Exercises

**1 (easy).** Count again.

```{code-cell} ipython3
:tags: [exercise]
def count(text):
    ...
```
"""

PAGES = {
    "index": (
        "Trang thử",
        "A test page",
        "Đọc [bài một](01_nets.ipynb) hoặc tra [thuật ngữ](glossary.md).\n\n"
        "## Trâu\n\nChữ mang ở đây không có dấu.",
        "Read [lesson one](01_nets.ipynb) or the [glossary](glossary.md).\n\n"
        "## Buffalo\n\nNo Vietnamese word here.",
    ),
    "bibliography": ("Tài liệu", "Works", "Các công trình.", "The works."),
    "about": ("Giấy phép", "Licence", "Tự do.", "Free."),
}

GLOSSARY = """
terms:
  - id: tokenizer
    group: tokens
    vi: bộ tách token
    en: tokenizer
    means: {vi: "Biến văn bản thành token.", en: "Turns text into tokens."}
  - id: tone
    group: text
    vi: thanh điệu
    en: tone
    means: {vi: "Cao độ của âm tiết.", en: "The pitch of a syllable."}
"""

CONTENTS = """
root: index
parts:
  - title: {vi: Bài học, en: Lessons}
    lessons: true
  - title: {vi: Tra cứu, en: Reference}
    pages: [glossary, bibliography, about]
"""

BIBLIOGRAPHY = """
@inproceedings{sennrich2016bpe,
  author = {Sennrich, Rico and Haddow, Barry and Birch, Alexandra},
  title = {Neural Machine Translation of Rare Words with Subword Units},
  booktitle = {ACL},
  year = {2016},
  doi = {10.18653/v1/P16-1162}
}
"""


def write_small_book(root: Path):
    """A checkout with two lessons, of which the first was verified."""
    from aulac_grader.author.build import LessonFolder
    from aulac_grader.author.links import Shelf
    from aulac_grader.book.places import Places
    from aulac_grader.checkout import BOOK

    sources = root / "book"
    for name in ("_static", "_templates", "locale"):
        shutil.copytree(BOOK / name, sources / name)
    shutil.copyfile(BOOK / "_config.yml", sources / "_config.yml")
    (sources / "pages").mkdir()
    for name, (title_vi, title_en, vi, en) in PAGES.items():
        (sources / "pages" / f"{name}.md").write_text(
            f'---\ntitle: {{vi: "{title_vi}", en: "{title_en}"}}\n---\n\n'
            f'+++ {{"lang": "vi"}}\n\n{vi}\n\n+++ {{"lang": "en"}}\n\n{en}\n'
        )
    (sources / "glossary.yml").write_text(GLOSSARY)
    (sources / "contents.yml").write_text(CONTENTS)
    (sources / "references.bib").write_text(BIBLIOGRAPHY)
    notebooks = root / "notebooks"
    (notebooks / "source").mkdir(parents=True)
    for number, name in (("01", "01_nets"), ("02", "02_more_nets")):
        text = SOURCE.replace("NUMBER", number)
        (notebooks / "source" / f"{name}.md").write_text(text)
    house = LessonFolder(notebooks, Shelf(sources))
    lessons, problems = house.load()
    assert not problems, [str(problem) for problem in problems]
    house.write(lessons)
    places = Places(root, sources)
    write_verified(places, "01_nets")
    return places


def write_verified(places, name: str) -> None:
    """What a verify run leaves behind for one lesson."""
    notebook = json.loads(
        (places.notebooks / "vi" / f"{name}.ipynb").read_text()
    )
    both = (
        '<div class="aulac-record"><span lang="vi" class="aulac-vi">kết quả của '
        'mạng</span><span lang="en" class="aulac-en">outcome of the net</span></div>'
    )
    outputs = {
        "guess = 3": [
            {
                "output_type": "display_data",
                "metadata": {},
                "data": {
                    "application/vnd.jupyter.widget-view+json": {
                        "model_id": "x"
                    },
                    "text/html": f'<div class="aulac-fallback">{both}</div>',
                    "text/plain": "kết quả / outcome",
                },
            },
            {
                "output_type": "display_data",
                "metadata": {},
                "data": {
                    "application/vnd.aulac.record+json": {
                        "name": "nets",
                        "value": 5,
                        "unit": "",
                    },
                },
            },
        ],
        'print("a long line " * 30)': [
            {"output_type": "stream", "name": "stdout", "text": "0 %\r50 %\r"},
            {"output_type": "stream", "name": "stdout", "text": "100 %\n"},
            {
                "output_type": "stream",
                "name": "stdout",
                "text": f"{places.root}/workspace/tiny "
                + "a long line " * 30
                + "\n",
            },
        ],
    }
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = outputs.get("".join(cell["source"]), [])
    places.verified.mkdir(parents=True, exist_ok=True)
    (places.verified / f"{name}.ipynb").write_text(json.dumps(notebook))
    report = {
        "lessons": {
            "01": {
                "status": "passed",
                "seconds": 12.34,
                "peak_mb": 250.5,
                "scale": "tiny",
                "verified_at": "2026-11-23T05:00:00+00:00",
                "records": {
                    "nets": {
                        "value": 5,
                        "unit": "",
                        "band": [4, 9],
                        "ok": True,
                    }
                },
                "error": None,
            }
        },
        "machine": {"cpu": "Test CPU", "cores": 2, "memory_gb": 24.0},
    }
    (places.verified / "report.json").write_text(dedent(json.dumps(report)))


@pytest.fixture(scope="session")
def small_book(tmp_path_factory: pytest.TempPathFactory):
    """A small book, built once in both languages: (places, what build() said)."""
    from aulac_grader.book.build import build

    places = write_small_book(tmp_path_factory.mktemp("small"))
    return places, build(places)
