"""A real Chromium, and a real JupyterLab started by `aulac lab`."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    """A headless Chromium that reaches nothing but this machine."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip(
            "no Chromium on PATH (Debian and Ubuntu: apt install chromium)"
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator:
    """A fresh page. It keeps console errors in `.errors` and ends in a screenshot.

    Screenshots go to the folder AULAC_SCREENSHOTS, if that is set.
    """
    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(60_000)
    page.errors = []
    # Formgrader asks a content network for MathJax; there is no network in a test.
    page.route(
        lambda url: "//127.0.0.1" not in url and not url.startswith("data:"),
        lambda route: route.fulfill(status=204, body=""),
    )
    page.on(
        "console", lambda m: m.type == "error" and page.errors.append(m.text)
    )
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    folder = Path(os.environ.get("AULAC_SCREENSHOTS", tmp_path))
    page.screenshot(path=folder / f"{request.node.name.replace('/', '_')}.png")
    page.close()


@pytest.fixture(scope="module")
def start_lab(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., str]]:
    """Start `aulac lab` with some arguments; returns its address (token: t)."""
    running: list[subprocess.Popen] = []
    home = tmp_path_factory.mktemp("home")

    def start(*arguments: str) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = (home / f"lab-{port}.log").open("wb")
        command = [
            str(Path(sys.executable).with_name("aulac")),
            "lab",
            *arguments,
        ]
        command += [
            "--no-browser",
            f"--port={port}",
            "--IdentityProvider.token=t",
        ]
        command += ["--settings", str(home / "settings")]
        environment = os.environ | {"HOME": str(home)}
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "AULAC_LANG"):
            environment.pop(name, None)
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment
        )
        running.append(process)
        address = f"http://127.0.0.1:{port}"
        wait_until_up(process, address, Path(log.name))
        return address

    yield start
    for process in running:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_until_up(process: subprocess.Popen, address: str, log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            urllib.request.urlopen(f"{address}/api/status?token=t", timeout=5)
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)  # the server says nothing when it is ready
        else:
            return
    raise AssertionError(
        f"no answer from {address}: {log.read_text()[-3000:]}"
    )
