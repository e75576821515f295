"""`aulac lab`: JupyterLab on the course, in the reader's language, ready to work.

Its settings live in a folder of their own under build/, so the reader's home is neither
read for them nor changed: the interface language, the news pop-up off, nbgrader's
extensions on. A course directory made by `aulac assignment build` can be opened the
same way, with formgrader in it.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

LOCALES = {"vi": "vi_VN", "en": "default"}
FIRST = "00_welcome.ipynb"
EXTENSIONS = (
    "nbgrader.server_extensions.formgrader",
    "nbgrader.server_extensions.validate_assignment",
    "nbgrader.server_extensions.assignment_list",
    "nbgrader.server_extensions.course_list",
)

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    help="Mở JupyterLab trên khóa học. / Open JupyterLab on the course.",
)


class LabError(RuntimeError):
    """JupyterLab cannot be started here; the message says what to do."""


def checkout(start: Path | None = None) -> Path:
    """The folder of the course around `start`: the one that holds notebooks/source.

    Raises:
        LabError: no such folder.
    """
    start = (start or Path.cwd()).resolve()
    for place in (start, *start.parents, *Path(__file__).resolve().parents):
        if (place / "notebooks" / "source").is_dir():
            return place
    raise LabError(
        f"{start} không nằm trong thư mục khóa học: hãy cd vào đó rồi chạy lại. / "
        "is not inside a checkout of the course: cd into one and try again."
    )


def write_settings(folder: Path, lang: str) -> dict[str, str]:
    """Write the settings of a lab in `lang` under `folder`.

    Returns the environment variables that make JupyterLab use them.
    """
    settings, config = folder / "settings", folder / "config"
    overrides = {
        "@jupyterlab/translation-extension:plugin": {"locale": LOCALES[lang]},
        "@jupyterlab/apputils-extension:notification": {
            "fetchNews": "false",
            "checkForUpdates": False,
        },
    }
    _write_json(settings / "overrides.json", overrides)
    enabled = {
        "ServerApp": {"jpserver_extensions": dict.fromkeys(EXTENSIONS, True)}
    }
    _write_json(config / "jupyter_server_config.json", enabled)
    (folder / "user-settings").mkdir(parents=True, exist_ok=True)
    (folder / "workspaces").mkdir(parents=True, exist_ok=True)
    bin_folder = str(
        Path(sys.executable).parent
    )  # nbgrader calls alembic by name
    return {
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "user-settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "AULAC_LANG": lang,
        "PATH": bin_folder + os.pathsep + os.environ.get("PATH", ""),
    }


def _write_json(path: Path, data: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps(data, indent=1, ensure_ascii=False), encoding="utf-8"
    )


def first_page(root: Path, lang: str) -> str:
    """What to open, relative to `root`: the first lesson, or else nothing."""
    for name in (f"notebooks/{lang}/{FIRST}", f"notebooks/{lang}"):
        if (root / name).exists():
            return name
    return ""


def arguments(
    root: Path, lang: str, settings: Path, extra: list[str]
) -> list[str]:
    """JupyterLab's command line."""
    page = first_page(root, lang)
    options = [
        f"--ServerApp.root_dir={root}",
        f"--LabApp.app_settings_dir={settings / 'settings'}",
    ]
    if page:
        options.append(f"--LabApp.default_url=/lab/tree/{page}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append(
            "--allow-root"
        )  # containers: the course is often run as root
    return [sys.executable, "-m", "jupyterlab", *options, *extra]


@app.command(
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
    },
)
def lab(
    context: typer.Context,
    lang: Annotated[
        str, typer.Option(help="vi hay en: ngôn ngữ / the language")
    ] = "vi",
    course: Annotated[
        Path | None,
        typer.Option(
            help="khóa nbgrader để chấm / an nbgrader course directory to grade"
        ),
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(
            help="nơi giữ thiết lập / where settings are kept [build/lab]"
        ),
    ] = None,
    browser: Annotated[
        bool, typer.Option(help="mở trình duyệt / open a web browser")
    ] = True,
) -> None:
    """JupyterLab mở ở bài 00. / JupyterLab, opened on lesson 00.

    Mọi tùy chọn khác được chuyển cho JupyterLab, ví dụ --port 9000. / Any other option
    goes to JupyterLab, for example --port 9000.
    """
    if lang not in LOCALES:
        raise _failed(f"--lang: vi hay en / vi or en, not {lang!r}.")
    if find_spec("jupyterlab") is None:
        raise _failed(
            "Chưa có JupyterLab: uv pip install -r requirements.txt -c constraints.txt. "
            "/ JupyterLab is missing: install requirements.txt."
        )
    try:
        home = checkout()
    except LabError as error:
        raise _failed(str(error)) from None
    root = home
    if course is not None:
        root = course.expanduser().resolve()
        if not (root / "nbgrader_config.py").is_file():
            raise _failed(
                f"{root} không phải khóa nbgrader (thiếu nbgrader_config.py): tạo bằng "
                "aulac assignment build. / is no nbgrader course: make one with "
                "aulac assignment build."
            )
    settings = (settings or home / "build" / "lab").resolve()
    settings /= f"{lang}-{root.name}" if course else lang
    try:
        environment = os.environ | write_settings(settings, lang)
    except OSError as error:
        raise _failed(
            f"{settings}: không ghi được / cannot be written ({error.strerror})."
        ) from None
    extra = list(context.args) + ([] if browser else ["--no-browser"])
    command = arguments(root, lang, settings, extra)
    os.chdir(root)
    os.execve(command[0], command, environment)


def _failed(text: str) -> typer.Exit:
    typer.secho(text, fg="red", err=True)
    return typer.Exit(1)
