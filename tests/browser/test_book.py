"""The small book as a reader sees it, in Chromium, over http and from disk."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from aulac_grader.book.command import server
from aulac_grader.book.places import LANGUAGES

CHROMIUM = next(
    filter(
        None,
        map(shutil.which, ("chromium", "chromium-browser", "google-chrome")),
    ),
    None,
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def address(small_book) -> Iterator[str]:
    places, _ = small_book
    book = server(places, 0)
    thread = threading.Thread(target=book.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{book.server_port}"
    book.shutdown()
    book.server_close()
    thread.join()


class Reader:
    """A page with a memory: what it asked for, and what went wrong."""

    def __init__(self, browser: Any, **context: Any):
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on(
            "requestfailed", lambda request: self.wrong.append(request.url)
        )
        self.page.on(
            "console",
            lambda message: (
                self.wrong.append(message.text)
                if message.type == "error"
                else None
            ),
        )
        self.page.on(
            "response",
            lambda response: (
                self.wrong.append(f"{response.status} {response.url}")
                if response.status >= 400
                else None
            ),
        )


@pytest.fixture
def reader(browser) -> Iterator[Reader]:
    found = Reader(
        browser, viewport={"width": 1280, "height": 900}, locale="vi-VN"
    )
    yield found
    found.context.close()


@pytest.fixture
def phone(browser) -> Iterator[Reader]:
    found = Reader(
        browser, viewport={"width": 360, "height": 740}, has_touch=True
    )
    yield found
    found.context.close()


NAMES = (
    "index",
    "01_nets",
    "02_more_nets",
    "glossary",
    "bibliography",
    "search",
)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_page_opens_without_an_error_or_an_outside_request(
    reader: Reader, address: str, lang: str
) -> None:
    for name in NAMES:
        reader.page.goto(
            f"{address}/{lang}/{name}.html", wait_until="networkidle"
        )
        assert reader.page.title()
    assert reader.wrong == []
    assert reader.asked
    assert [
        url for url in reader.asked if not url.startswith((address, "data:"))
    ] == []


@pytest.mark.parametrize("query", ["mang", "mạng", "MẠNG LUOI"])
def test_search_finds_the_word_with_and_without_marks(
    reader: Reader, address: str, query: str
) -> None:
    reader.page.goto(f"{address}/vi/index.html")
    field = reader.page.locator(".bd-sidebar-primary input[name=q]")
    field.fill(query)
    field.press("Enter")
    reader.page.wait_for_selector("#aulac-search-results li")
    links = reader.page.locator("#aulac-search-results a")
    found = links.evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert any(link.startswith("01_nets.html") for link in found)
    assert reader.page.locator("#aulac-search-results mark").count() >= 1
    links.first.click()
    reader.page.wait_for_url("**/vi/*.html*")
    assert reader.wrong == []


def test_search_puts_the_spelling_asked_for_first(
    reader: Reader, address: str
) -> None:
    for query in ("mang", "mạng", "măng"):
        reader.page.goto(f"{address}/vi/search.html?q={query}")
        hit = reader.page.locator("#aulac-search-results li").first
        assert query in hit.inner_text().lower().split()


def test_search_works_from_a_file_on_disk(reader: Reader, small_book) -> None:
    places, _ = small_book
    page = (places.site("vi") / "search.html").as_uri()
    reader.page.goto(f"{page}?q=mang")
    reader.page.wait_for_selector("#aulac-search-results li")
    reader.page.locator("input[name=q]").last.fill("xyzzy")
    reader.page.wait_for_function(
        "document.getElementById('aulac-search-status').textContent.includes('Không')"
    )
    assert reader.wrong == []


def test_slash_goes_to_the_search_field(reader: Reader, address: str) -> None:
    reader.page.goto(f"{address}/vi/index.html", wait_until="networkidle")
    reader.page.keyboard.press("/")
    focused = reader.page.evaluate("document.activeElement.name")
    assert focused == "q"


def test_switch_stays_on_the_page_and_in_the_section(
    reader: Reader, address: str
) -> None:
    reader.page.set_viewport_size({"width": 1280, "height": 300})
    reader.page.goto(f"{address}/vi/01_nets.html", wait_until="networkidle")
    reader.page.locator("section.aulac-breaks").evaluate(
        "section => section.scrollIntoView({block: 'start', behavior: 'instant'})"
    )
    reader.page.locator("a.aulac-switch").click()
    reader.page.wait_for_url("**/en/01_nets.html#s-*")
    assert reader.page.evaluate("document.documentElement.lang") == "en"
    place = reader.page.url.rsplit("#", 1)[1]
    assert reader.page.locator(f"#{place}").count() == 1
    title = reader.page.locator(f"section:has(> #{place}) > h3").first
    assert "When it breaks" in title.inner_text()
    reader.page.locator("a.aulac-switch").click()
    reader.page.wait_for_url("**/vi/01_nets.html#*")
    assert reader.wrong == []


def test_switch_keeps_a_term_and_a_search(
    reader: Reader, address: str
) -> None:
    reader.page.goto(
        f"{address}/en/glossary.html#term-tone", wait_until="networkidle"
    )
    reader.page.locator("a.aulac-switch").click()
    reader.page.wait_for_url("**/vi/glossary.html#term-tone")
    reader.page.goto(
        f"{address}/vi/search.html?q=token", wait_until="networkidle"
    )
    reader.page.locator("a.aulac-switch").click()
    reader.page.wait_for_url("**/en/search.html?q=token")
    reader.page.wait_for_selector("#aulac-search-results li")


def test_switch_and_skip_link_work_from_the_keyboard(
    reader: Reader, address: str
) -> None:
    reader.page.goto(f"{address}/vi/01_nets.html", wait_until="networkidle")
    reader.page.keyboard.press("Tab")
    assert (
        reader.page.evaluate("document.activeElement.hash") == "#main-content"
    )
    for _ in range(40):
        reader.page.keyboard.press("Tab")
        if reader.page.evaluate(
            "document.activeElement.matches('a.aulac-switch')"
        ):
            break
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_url("**/en/01_nets.html*")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_edition_shows_its_own_language_of_an_output(
    reader: Reader, address: str, lang: str
) -> None:
    reader.page.goto(f"{address}/{lang}/01_nets.html")
    assert reader.page.get_by_text("kết quả của mạng").is_visible() == (
        lang == "vi"
    )
    assert reader.page.get_by_text("outcome of the net").is_visible() == (
        lang == "en"
    )


def test_dark_and_light_can_be_chosen_and_stay(
    reader: Reader, address: str
) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    reader.page.goto(f"{address}/vi/index.html", wait_until="networkidle")
    seen = {}
    for _ in range(3):
        reader.page.locator(".theme-switch-button").click()
        mode = reader.page.evaluate("document.documentElement.dataset.mode")
        seen[mode] = reader.page.evaluate(ground)
        assert reader.page.locator(".theme-switch:visible").count() == 1
    assert set(seen) == {"light", "dark", "auto"}
    assert seen["light"] != seen["dark"]
    while (
        reader.page.evaluate("document.documentElement.dataset.mode") != "dark"
    ):
        reader.page.locator(".theme-switch-button").click()
    reader.page.goto(f"{address}/en/01_nets.html")
    assert reader.page.evaluate(ground) == seen["dark"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_phone_never_scrolls_sideways(
    phone: Reader, address: str, lang: str
) -> None:
    for name in NAMES:
        phone.page.goto(
            f"{address}/{lang}/{name}.html", wait_until="networkidle"
        )
        width = phone.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, f"{lang}/{name}.html is {width} wide"
    assert phone.wrong == []


def test_the_contents_open_on_a_phone(phone: Reader, address: str) -> None:
    phone.page.goto(f"{address}/vi/01_nets.html", wait_until="networkidle")
    link = phone.page.locator(".bd-links a", has_text="Thuật ngữ").first
    assert not link.is_visible()
    phone.page.locator("button.primary-toggle").click()
    link.wait_for(state="visible")
    link.click()
    phone.page.wait_for_url("**/vi/glossary.html")
    assert phone.wrong == []


# The contrast of every piece of text with the ground it stands on, by the formula of
# WCAG 2.2; grounds that let others through are looked through.
CONTRAST = """() => {
  const parse = (text) => {
    const found = text.match(/[\\d.]+/g).map(Number);
    return text.startsWith('color(') ?
      [...found.slice(0, 3).map((x) => x * 255), found[3] ?? 1] :
      [found[0], found[1], found[2], found[3] ?? 1];
  };
  const light = ([r, g, b]) => [r, g, b].map((x) => x / 255).map((x) =>
    x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
    .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0.99) return colour;
    }
    return [255, 255, 255, 1];
  };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility({
      visibilityProperty: true, opacityProperty: true })) continue;
    if (element.closest('script, style, .headerlink, .skip-link')) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5)
      low.push(`${ratio.toFixed(2)} ${element.tagName}.${element.className}: ` +
        walker.currentNode.data.trim().slice(0, 40));
  }
  return [...new Set(low)];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(
    browser, address: str, scheme: str
) -> None:
    found = Reader(browser, color_scheme=scheme)
    for name in ("index", "01_nets", "02_more_nets", "glossary", "search"):
        found.page.goto(
            f"{address}/vi/{name}.html?q=mang", wait_until="networkidle"
        )
        assert found.page.evaluate(CONTRAST) == [], f"{name}, {scheme}"
    found.context.close()


def test_on_paper_everything_is_dark_on_white(browser, address: str) -> None:
    found = Reader(browser, color_scheme="dark")
    found.page.goto(f"{address}/vi/01_nets.html", wait_until="networkidle")
    found.page.emulate_media(media="print")
    assert found.page.evaluate(CONTRAST) == []
    assert found.page.get_by_role("heading", level=1).is_visible()
    assert not found.page.locator("a.aulac-switch").is_visible()
    found.context.close()


@pytest.mark.parametrize(
    ("locale", "edition"), [("vi-VN", "vi"), ("en-US", "en"), ("fr-FR", "vi")]
)
def test_the_root_goes_to_the_readers_language(
    browser, address: str, locale: str, edition: str
) -> None:
    found = Reader(browser, locale=locale)
    found.page.goto(f"{address}/")
    found.page.wait_for_url(f"**/{edition}/index.html")
    found.page.locator("a.aulac-switch").click()
    other = "en" if edition == "vi" else "vi"
    found.page.wait_for_url(f"**/{other}/index.html*")
    found.page.goto(f"{address}/")
    found.page.wait_for_url(f"**/{other}/index.html")
    found.context.close()


def test_without_scripts_the_text_and_the_switch_are_there(
    browser, address: str
) -> None:
    found = Reader(browser, java_script_enabled=False)
    found.page.goto(f"{address}/vi/01_nets.html")
    assert found.page.get_by_role("heading", name="Con mạng").is_visible()
    found.page.locator("a.aulac-switch").click()
    found.page.wait_for_url("**/en/01_nets.html")
    found.context.close()
