"""The source tree that Jupyter Book reads, one for each language.

Everything lies flat in one folder, under names that do not depend on the language: a
page then has the same address in both editions, and links between pages need no
paths. A file is written only when its content changed, so Sphinx redoes no more than
it must.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from aulac_grader.book.generated import fill
from aulac_grader.book.glossary import (
    References,
    glossary_markdown,
    read_references,
)
from aulac_grader.book.lesson import (
    Lesson,
    course_notebook,
    read_lesson,
)
from aulac_grader.book.pages import Page, read_pages
from aulac_grader.book.places import BookError, Places

BIBLIOGRAPHY = """

```{bibliography}
:all:
```
"""


@dataclass
class Tree:
    """What one language's tree holds: its pages in reading order, its lessons."""

    lang: str
    folder: Path
    names: list[str]
    lessons: list[Lesson]


def write_tree(places: Places, lang: str) -> Tree:
    """Write the tree of one language. Raises BookError with what to mend."""
    refs = read_references(places.sources)
    pages = read_pages(places.sources / "pages")
    report = places.report()
    lessons = [
        read_lesson(path, lang, places, report, refs)
        for path in places.lessons(lang)
    ]
    folder = places.tree(lang)
    files: dict[str, str] = {
        "glossary.md": glossary_markdown(refs, lang),
        "references.bib": (places.sources / "references.bib").read_text(
            "utf-8"
        ),
    }
    for page in pages.values():
        files[f"{page.name}.md"] = _page(page, places, lang, refs)
    for lesson in lessons:
        files[f"{lesson.name}.ipynb"] = json.dumps(
            lesson.notebook(), ensure_ascii=False, indent=1
        )
    toc, names = table_of_contents(places, lang, pages, lessons)
    files["_toc.yml"] = yaml.safe_dump(
        toc, allow_unicode=True, sort_keys=False
    )
    files["_config.yml"] = yaml.safe_dump(
        configuration(places, lang), allow_unicode=True, sort_keys=False
    )
    folder.mkdir(parents=True, exist_ok=True)
    keep = {folder / name for name in files}
    for name, text in files.items():
        _write(folder / name, text.encode("utf-8"))
    keep |= _copy_folders(places, lang, folder)
    for path in folder.rglob("*"):
        if path.is_file() and path not in keep:
            path.unlink()
    return Tree(lang, folder, names, lessons)


def _page(page: Page, places: Places, lang: str, refs: References) -> str:
    where = f"book/pages/{page.name}.md"
    text = fill(page.markdown(lang), places, lang, where)
    if page.name == "bibliography":
        text += BIBLIOGRAPHY
    return refs.link(text, lang, where)


def table_of_contents(
    places: Places, lang: str, pages: dict[str, Page], lessons: list[Lesson]
) -> tuple[dict[str, Any], list[str]]:
    """Jupyter Book's table of contents from `book/contents.yml`, and page names.

    Raises BookError when a page is named that does not exist, or left out.
    """
    path = places.sources / "contents.yml"
    contents = yaml.safe_load(path.read_text(encoding="utf-8"))
    known = {*pages, "glossary"}
    parts, names = [], [contents["root"]]
    for part in contents["parts"]:
        if part.get("lessons"):
            files = [lesson.name for lesson in lessons]
        else:
            files = list(part["pages"])
            if unknown := set(files) - known:
                raise BookError(
                    f"contents.yml names {', '.join(sorted(unknown))}; no "
                    "such page in book/pages."
                )
        if files:
            chapters = [{"file": name} for name in files]
            parts.append(
                {"caption": part["title"][lang], "chapters": chapters}
            )
            names += files
    if left := known - set(names):
        raise BookError(
            f"contents.yml leaves out {', '.join(sorted(left))}; add it."
        )
    return {
        "format": "jb-book",
        "root": contents["root"],
        "parts": parts,
    }, names


def configuration(places: Places, lang: str) -> dict[str, Any]:
    """`book/_config.yml` with the words of one language put in."""
    path = places.sources / "_config.yml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    words = config.pop("languages")[lang]
    config["title"] = words["title"]
    config["copyright"] = words["copyright"]
    own = {"language": lang} | words.get("config", {})
    settings = config["sphinx"]["config"]
    options = settings["html_theme_options"] | own.pop(
        "html_theme_options", {}
    )
    settings |= own | {"html_theme_options": options}
    return config


def _copy_folders(places: Places, lang: str, folder: Path) -> set[Path]:
    """Static files, templates and the catalogue of interface words."""
    written = set()
    for name in ("_static", "_templates"):
        for path in sorted((places.sources / name).rglob("*")):
            if path.is_file():
                target = (
                    folder / name / path.relative_to(places.sources / name)
                )
                _write(target, path.read_bytes())
                written.add(target)
    words = places.sources / "locale" / f"{lang}.po"
    if words.exists():
        target = folder / "_locale" / lang / "LC_MESSAGES" / "sphinx.mo"
        _write(target, _catalogue(words))
        written.add(target)
    return written


def _catalogue(path: Path) -> bytes:
    """A gettext catalogue compiled, as Sphinx loads it."""
    from io import BytesIO

    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file))
    return compiled.getvalue()


def _write(path: Path, content: bytes) -> None:
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def copy_notebooks(places: Places, lang: str) -> None:
    """Put the notebooks where the pages' download lines point."""
    folder = places.site(lang) / "notebooks"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in places.lessons(lang):
        notebook = course_notebook(path, lang, places)
        text = json.dumps(notebook, ensure_ascii=False, indent=1)
        (folder / path.name).write_text(text + "\n", encoding="utf-8")
