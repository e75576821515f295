"""`aulac lab`: JupyterLab in the reader's language, the reader's home left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aulac_grader.lab import (
    app,
    arguments,
    checkout,
    first_page,
    write_settings,
)

ROOT = Path(__file__).parents[2]
MENUS = {"vi": ("Tệp", "Chỉnh sửa"), "en": ("File", "Edit")}


def test_settings_stay_in_their_own_folder(tmp_path: Path) -> None:
    environment = write_settings(tmp_path, "vi")
    overrides = json.loads(
        (tmp_path / "settings" / "overrides.json").read_text()
    )
    locale = overrides["@jupyterlab/translation-extension:plugin"]["locale"]
    assert locale == "vi_VN"
    news = overrides["@jupyterlab/apputils-extension:notification"][
        "fetchNews"
    ]
    assert news == "false"
    assert environment["AULAC_LANG"] == "vi"
    for name, value in environment.items():
        assert name in ("AULAC_LANG", "PATH") or value.startswith(
            str(tmp_path)
        )


def test_the_first_lesson_opens_where_it_exists(tmp_path: Path) -> None:
    assert first_page(tmp_path, "vi") == ""
    lesson = tmp_path / "notebooks" / "vi" / "00_welcome.ipynb"
    lesson.parent.mkdir(parents=True)
    assert first_page(tmp_path, "vi") == "notebooks/vi"
    lesson.touch()
    assert first_page(tmp_path, "vi") == "notebooks/vi/00_welcome.ipynb"
    command = arguments(tmp_path, "vi", tmp_path / "lab", ["--port=9000"])
    assert (
        "--LabApp.default_url=/lab/tree/notebooks/vi/00_welcome.ipynb"
        in command
    )
    assert command[-1] == "--port=9000"


def test_the_checkout_is_found_from_inside_it() -> None:
    assert checkout(ROOT / "course" / "aulac") == ROOT


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--lang", "fr"], "--lang: vi"),
        (["--course", "/nowhere/at/all"], "nbgrader_config.py"),
    ],
)
def test_a_wrong_option_is_named(options: list[str], says: str) -> None:
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 1
    assert says in done.output


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("lang", ["vi", "en"])
def test_jupyterlab_speaks_the_language(
    page, start_lab: Callable[..., str], lang: str
) -> None:
    address = start_lab("--lang", lang)
    page.goto(f"{address}/?token=t")
    for name in MENUS[lang]:
        page.get_by_role("menuitem", name=name, exact=True).wait_for()
    page.get_by_role("menuitem", name="Nbgrader").wait_for()
    if (ROOT / "notebooks" / lang / "00_welcome.ipynb").is_file():
        page.locator(".jp-Notebook h1").first.wait_for()
        assert f"notebooks/{lang}/00_welcome.ipynb" in page.url
    # The question whether one wants Jupyter's news would be a notification.
    assert (
        page.locator(".jp-Notification-Toast, .Toastify__toast").count() == 0
    )
