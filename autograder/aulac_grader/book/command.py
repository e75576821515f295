"""`aulac book build | serve | check`."""

from __future__ import annotations

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated

import typer

from aulac_grader.book.places import LANGUAGES, BookError, Places

app = typer.Typer(
    help="Sách hai thứ tiếng / the book in two languages.",
    no_args_is_help=True,
    add_completion=False,
)
WHY = {
    "unverified": ("chưa chạy kiểm tra", "not verified"),
    "stale": ("mã đã đổi sau lần chạy", "changed since it was verified"),
    "failed": ("lần chạy không đạt", "its verified run failed"),
}


@app.command()
def build(
    lang: Annotated[str, typer.Option(help="vi, en hay/or both")] = "both",
    force: Annotated[
        bool, typer.Option("--force", help="dựng lại từ đầu / from scratch")
    ] = False,
) -> None:
    """Dựng sách từ các bài đã chạy / build the book from the verified lessons."""
    from aulac_grader.book.build import build as build_book

    places = Places()
    languages = LANGUAGES if lang == "both" else (lang,)
    try:
        built = build_book(places, languages, force, say=typer.echo)
    except BookError as error:
        typer.echo(
            f"Không dựng được sách / the book was not built:\n{error}",
            err=True,
        )
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(
            f"Không ghi được sách / the book could not be written: {error}; kiểm tra "
            "quyền ghi và chỗ trống trên đĩa / check rights and free space.",
            err=True,
        )
        raise typer.Exit(1) from None
    if built.unchanged:
        typer.echo(
            f"Không có gì đổi / nothing changed ({built.seconds:.1f} s)."
        )
    else:
        for name in languages:
            typer.echo(
                f"{name}: {built.pages[name]} trang / pages, "
                f"{built.sections[name]} mục tìm được / searchable sections."
            )
        typer.echo(f"Xong / done: {built.seconds:.1f} s.")
    for name, state in sorted(built.unproven.items()):
        vi, en = WHY[state]
        typer.echo(f"  {name}: {vi} / {en} (aulac lessons verify)")
    typer.echo(f"Mở / open: {places.html / 'index.html'}")


@app.command()
def check() -> None:
    """Soát sách đã dựng: liên kết, hai bản, không gọi ra ngoài / check the built book."""
    from aulac_grader.book.proof import check_site, read_site

    places = Places()
    built = [lang for lang in LANGUAGES if places.site(lang).is_dir()]
    if not built:
        typer.echo("Chưa có sách / no book yet: aulac book build", err=True)
        raise typer.Exit(1)
    sites = {lang: read_site(places, lang) for lang in built}
    flaws = check_site(places, sites)
    for flaw in flaws:
        typer.echo(str(flaw), err=True)
    pages = sum(len(pages) for pages in sites.values())
    links = sum(len(page.links) for pages in sites.values() for page in pages)
    typer.echo(
        f"{pages} trang / pages, {links} liên kết / links, {len(flaws)} lỗi / flaws."
    )
    if flaws:
        raise typer.Exit(1)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """A line for every picture would bury the address."""


def server(places: Places, port: int) -> ThreadingHTTPServer:
    """A server of the built book on this machine only; port 0 takes a free one."""
    handler = partial(_Quiet, directory=str(places.html))
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


@app.command()
def serve(
    port: Annotated[
        int, typer.Option(help="cổng / port; 0 = tự chọn/any")
    ] = 8000,
) -> None:
    """Mở sách trên máy này / serve the book on this machine, until Ctrl-C."""
    places = Places()
    if not (places.html / "index.html").exists():
        typer.echo("Chưa có sách / no book yet: aulac book build", err=True)
        raise typer.Exit(1)
    try:
        book = server(places, port)
    except OSError as error:
        typer.echo(
            f"Cổng {port} không dùng được / port {port} cannot be used ({error}): "
            "aulac book serve --port 0",
            err=True,
        )
        raise typer.Exit(1) from None
    typer.echo(f"http://127.0.0.1:{book.server_port}/  (Ctrl-C: dừng / stop)")
    sys.stdout.flush()
    with book:
        book.serve_forever()
