"""Each test of a family that takes a `case` runs once for every case of its class."""

from __future__ import annotations

import pytest

from .line import Marked, grade


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames and metafunc.cls is not None:
        cases = metafunc.cls.cases
        metafunc.parametrize("case", cases, ids=[c.name for c in cases])


@pytest.fixture(scope="class")
def marked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Marked:
    """The class, marked; with `-k` it holds only the cases that were asked for."""
    family = request.cls
    asked = {
        item.callspec.params["case"].name
        for item in request.session.items
        if item.cls is family and "case" in item.fixturenames
    }
    chosen = [c for c in family.cases if not asked or c.name in asked]
    return grade(chosen, tmp_path_factory.mktemp("class"), family.workers)
