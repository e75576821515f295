"""From sources to a book in two languages, doing again only what changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from aulac_grader.book.places import LANGUAGES, BookError, Places

PACKAGES = (
    "jupyter-book",
    "sphinx",
    "myst-nb",
    "sphinx-book-theme",
    "docutils",
)
OURS = ("aulac", "aulac_grader")


@dataclass
class Built:
    """How a build went."""

    languages: tuple[str, ...]
    unchanged: bool = False
    pages: dict[str, int] = field(default_factory=dict)
    sections: dict[str, int] = field(default_factory=dict)
    unproven: dict[str, str] = field(default_factory=dict)
    """Lessons shown without all their outputs, and why."""
    seconds: float = 0.0


def build(
    places: Places | None = None,
    languages: Iterable[str] = LANGUAGES,
    force: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> Built:
    """Build the editions asked for. Raises BookError when any page is wrong."""
    started = time.monotonic()
    places = places or Places()
    languages = tuple(languages)
    _check_inputs(places, languages)
    digest = inputs_digest(places)
    if not force and (kept := _unchanged(places, languages, digest)):
        kept.seconds = time.monotonic() - started
        return kept
    # Left behind by a build that was killed: its pages may be half written.
    busy = places.stamp.with_name("building")
    force = force or busy.exists()
    busy.parent.mkdir(parents=True, exist_ok=True)
    busy.touch()
    try:
        built = _make(places, languages, digest, force, say)
    except BookError:
        busy.unlink()  # wrong input, but Sphinx came to its own end
        raise
    busy.unlink()
    built.seconds = time.monotonic() - started
    return built


def _check_inputs(places: Places, languages: tuple[str, ...]) -> None:
    for lang in languages:
        if lang not in LANGUAGES:
            raise BookError(f"no edition {lang!r}: choose vi, en or both.")
    names = {
        lang: {p.name for p in places.lessons(lang)} for lang in LANGUAGES
    }
    if names["vi"] != names["en"]:
        alone = ", ".join(sorted(names["vi"] ^ names["en"]))
        raise BookError(
            f"only one language has {alone}: run `aulac lessons build`, then this again."
        )


def _make(
    places: Places,
    languages: tuple[str, ...],
    digest: str,
    force: bool,
    say: Callable[[str], None],
) -> Built:
    from aulac_grader.book.proof import check_site, read_site
    from aulac_grader.book.search_data import write_search_data
    from aulac_grader.book.tree import copy_notebooks, write_tree

    places.stamp.unlink(missing_ok=True)
    trees = [write_tree(places, lang) for lang in languages]
    for tree in trees:
        _clear_if_remade(places, tree.lang, tree.names, force)
    say(f"Sphinx: {', '.join(languages)} …")
    with ThreadPoolExecutor(len(trees)) as pool:
        failures = list(
            pool.map(lambda tree: _sphinx(places, tree.lang), trees)
        )
    if told := [text for text in failures if text]:
        raise BookError("\n".join(told))
    built = Built(languages)
    sites = {lang: read_site(places, lang) for lang in languages}
    for tree in trees:
        lang = tree.lang
        copy_notebooks(places, lang)
        built.pages[lang] = len(sites[lang])
        built.sections[lang] = write_search_data(
            sites[lang], places.site(lang)
        )
        for lesson in tree.lessons:
            if lesson.state != "verified":
                built.unproven[lesson.name] = lesson.state
    _root_page(places)
    if flaws := check_site(places, sites):
        raise BookError("\n".join(str(flaw) for flaw in flaws))
    _write_stamp(places, digest, built)
    return built


def _clear_if_remade(
    places: Places, lang: str, names: list[str], force: bool
) -> None:
    """Begin an edition anew when every page may differ.

    A page that went must leave no trace, a changed contents list is on all pages, and
    Sphinx does not know that our code or the templates changed.
    """
    digest = hashlib.sha256(json.dumps(names).encode())
    everywhere = [
        *sorted(Path(__file__).parent.glob("*.py")),
        *sorted((places.sources / "_templates").rglob("*.html")),
        *sorted((places.sources / "locale").glob("*")),
        places.sources / "_config.yml",
    ]
    for path in everywhere:
        digest.update(path.read_bytes())
    mark = places.doctrees(lang) / "made-with.txt"
    if not force and mark.exists() and mark.read_text() == digest.hexdigest():
        return
    shutil.rmtree(places.doctrees(lang), ignore_errors=True)
    shutil.rmtree(places.site(lang), ignore_errors=True)
    mark.parent.mkdir(parents=True)
    mark.write_text(digest.hexdigest())


def _sphinx(places: Places, lang: str) -> str:
    """Run one edition; returns what Sphinx complained of, or nothing."""
    command = [
        sys.executable,
        "-m",
        "aulac_grader.book.sphinx_run",
        str(places.tree(lang)),
        str(places.site(lang)),
        str(places.doctrees(lang)),
    ]
    environment = os.environ | {"PYTHONUTF8": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
    )
    complaints = done.stderr.strip()
    if done.returncode == 0 and "WARNING" not in complaints:
        return ""
    tree = f"{places.tree(lang)}/"
    return f"{lang}: " + (complaints or done.stdout).replace(tree, "")


def inputs_digest(places: Places) -> str:
    """One hash over everything the book is made from."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        digest.update(f"{package}={version(package)}\n".encode())
    code = Path(__file__).parent
    groups = [
        (places.sources, sorted(_files(places.sources, skip="_build"))),
        (code, sorted(code.glob("*.py"))),
        (places.notebooks, sorted((places.notebooks / "source").glob("*.md"))),
        (
            places.notebooks,
            [p for lang in LANGUAGES for p in places.lessons(lang)],
        ),
        (places.verified, sorted(places.verified.rglob("*.ipynb"))),
        (places.verified, sorted(places.verified.glob("report.json"))),
        (places.results, sorted(places.results.glob("*.json"))),
    ]
    for base, paths in groups:
        for path in paths:
            digest.update(f"{path.relative_to(base)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def imported() -> dict[str, str]:
    """Files of the course and the grader that this process has imported, hashed.

    What a page prints is computed by what was imported for it, so after a build these
    are its inputs, wherever the code has moved meanwhile.
    """
    files = {
        Path(file).resolve()
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in OURS
        and (file := getattr(module, "__file__", None))
    }
    return {str(path): _hash(path) for path in sorted(files)}


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:  # moved or gone: not what it was
        return ""


def _files(folder: Path, skip: str) -> Iterable[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and skip not in path.relative_to(folder).parts:
            yield path


def _write_stamp(places: Places, digest: str, built: Built) -> None:
    """Written last: a build that was cut off counts as not done."""
    earlier = _read_stamp(places)
    editions = earlier.get("editions", {}) if earlier else {}
    for lang in built.languages:
        editions[lang] = {
            "digest": digest,
            "pages": built.pages[lang],
            "sections": built.sections[lang],
            "unproven": built.unproven,
            "imported": imported(),
        }
    part = places.stamp.with_suffix(".part")
    part.write_text(
        json.dumps({"editions": editions}, indent=1), encoding="utf-8"
    )
    part.replace(places.stamp)


def _read_stamp(places: Places) -> dict | None:
    try:
        return json.loads(places.stamp.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None


def _unchanged(
    places: Places, languages: tuple[str, ...], digest: str
) -> Built | None:
    stamp = _read_stamp(places)
    if stamp is None:
        return None
    built = Built(languages, unchanged=True)
    for lang in languages:
        edition = stamp["editions"].get(lang, {})
        page = places.site(lang) / "index.html"
        if edition.get("digest") != digest or not page.exists():
            return None
        modules = edition.get("imported", {})
        if any(_hash(Path(file)) != was for file, was in modules.items()):
            return None
        built.pages[lang] = edition["pages"]
        built.sections[lang] = edition["sections"]
        built.unproven |= edition["unproven"]
    return built


def _root_page(places: Places) -> None:
    """`index.html` above both editions: goes to the reader's language."""
    source = places.sources / "_templates" / "root.html"
    places.html.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, places.html / "index.html")
