"""Attacks on who reads: the feedback page, the results page, the exports.

Whatever a student can put on a page carries `told_NAME`. `pages_check.py` looks where
that ends up: as text, or as something a browser would run, load or follow.
"""

from __future__ import annotations

from pathlib import Path

from .kit import ASSIGNMENT, Book, Case, code_cell, find

# What a browser might run or load; @TOLD@ is a call with the case's own name.
MARKUP = {
    "script": "<script>@TOLD@</script>",
    "image-error": "<img src=x onerror=@TOLD@>",
    "svg-load": "<svg onload=@TOLD@><script>@TOLD@</script></svg>",
    "link-javascript": "[x](javascript:@TOLD@) <a href='java\tscript:@TOLD@'>x</a>",
    "link-data": "[x](data:text/html;base64,PHNjcmlwdD4=) <a href=data:,@TOLD@>x</a>",
    "frame": "<iframe srcdoc='<script>@TOLD@</script>' src=//evil.example></iframe>",
    "style": "<style>body{background:url(//evil.example/@TOLD@)}</style>"
    "<p style='background:url(//evil.example/@TOLD@)'>x</p>",
    "meta": "<meta http-equiv=refresh content='0;url=//evil.example/@TOLD@'>"
    "<base href=//evil.example/@TOLD@/>",
    "form": "<form action=//evil.example/@TOLD@><input autofocus onfocus=@TOLD@>",
    "object": "<object data='javascript:@TOLD@'></object><embed src=//evil.example>",
    "remote-image": "![x](http://evil.example/@TOLD@.png)"
    "<img srcset='//evil.example/@TOLD@ 2x'>",
    "mathml": "<math><mtext><table><mglyph><style><!--</style>"
    "<img title='--&gt;&lt;img src=1 onerror=@TOLD@&gt;'>",
    "broken-out": "</code></pre></div></body></html><script>@TOLD@</script>",
    "comment": "<!--><script>@TOLD@</script>-->",
    "noscript": "<noscript><p title='</noscript><script>@TOLD@</script>'>",
    "details": "<details open ontoggle=@TOLD@>x</details>",
    "template": "{{ @TOLD@ }} {% @TOLD@ %} ${@TOLD@} <%= @TOLD@ %>",
    "math": "$\\href{javascript:@TOLD@}{x}$ $$\\unicode{<script>@TOLD@</script>}$$",
    "entity": "&lt;script&gt;@TOLD@&lt;/script&gt; <a href='&#106;avascript:@TOLD@'>x</a>",
    "ansi": "\x1b[31m<b onclick=@TOLD@>\x1b[0m\x1b]8;;javascript:@TOLD@\x07x\x1b]8;;\x07",
    "controls": "\x00\x08\x0b\x1b[2J\u202e\u2066<script\x00>@TOLD@</script>",
}


def told(name: str) -> str:
    return f"told_{name.replace('-', '_')}()"


def everywhere(name: str, text: str) -> Case:
    """The text in every place of a submission that somebody may be shown."""
    text = text.replace("@TOLD@", told(name))
    literal = repr(text)

    def bend(book: Book) -> None:
        book["metadata"]["title"] = text
        book["metadata"]["authors"] = [{"name": text}]
        find(book, "p10-why")["source"] = text
        find(book, "p10-why")["attachments"] = {
            text[:60]: {"image/svg+xml": text},
            "x.svg": {"image/svg+xml": "PHN2Zy8+"},
        }
        extra = {
            "cell_type": "markdown",
            "id": "m1",
            "metadata": {},
            "source": text,
        }
        book["cells"].append(extra)
        cell = code_cell(f"# {text.splitlines()[0]}\nprint({literal})")
        cell["outputs"] = [
            {
                "output_type": "display_data",
                "metadata": {},
                "data": {mime: text},
            }
            for mime in (
                "text/html",
                "image/svg+xml",
                "text/markdown",
                "text/latex",
                "application/javascript",
                "application/vnd.jupyter.widget-view+json",
            )
        ]
        book["cells"].append(cell)
        find(book, "p10-task")["source"] += text

    return Case(
        f"page-{name}",
        f"Markup ({name}) in prose, code, outputs, attachments and messages.",
        answers={
            "p1-mean": f"def mean_length(words):\n    raise ValueError({literal})\n",
            "p2-initials": f"def initials(name):\n    return {literal}\n",
            "p5-windows": f"import sys\nprint({literal})\n"
            f"print({literal}, file=sys.stderr)\n"
            f"def windows(items, size):\n    raise type({text[:80]!r}, "
            f"(Exception,), {{}})({literal})\n",
        },
        cells=(
            (
                "p2-names",
                "from IPython.display import HTML, Javascript, Markdown, display\n"
                f"text = {literal}\n"
                "display(HTML(text), Javascript(text), Markdown(text))\n"
                "raise ValueError(text)",
            ),
        ),
        bend=bend,
        loses=("p1-few", "p2-names", "p5-slides"),
    )


MARKED_UP = [everywhere(name, text) for name, text in MARKUP.items()]

FORMULAS = [
    "=1+1",
    "+1",
    "-1+1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "=cmd|' /C calc'!A0",
]
NAMED = [
    Case(
        "files-with-markup",
        "Files whose names are markup and formulas.",
        lay=lambda folder, world: named_files(folder),
    ),
    Case(
        "notebook-with-markup",
        "The notebook itself is named like an image that fails to load.",
        lay=lambda folder, world: renamed(folder),
    ),
    Case(
        "formula-student",
        "The student's id is a spreadsheet formula, quoted and broken over lines.",
        student="=cmd|' C calc'!A0, \"x",
    ),
    Case(
        "formula-answers",
        "Every text that an export might quote is a formula.",
        answers={
            "p1-mean": f"def mean_length(words):\n    raise ValueError({FORMULAS[0]!r})\n",
            "p2-initials": f"def initials(name):\n    return {FORMULAS[-1]!r}\n",
            "p10-why": FORMULAS[-1],
        },
        loses=("p1-few", "p2-names"),
    ),
    Case(
        "picture-that-is-no-picture",
        "Writes forged bytes wherever a picture is expected.",
        cells=(
            (
                "p7-line",
                "from IPython.display import Image, SVG, display\n"
                "display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n<script>"
                f"{told('picture')}</script>', format='png'))\n"
                f"display(SVG('<svg onload={told('picture')}></svg>'))",
            ),
        ),
    ),
    Case(
        "picture-bomb",
        "Shows a picture of a few kilobytes that would be ten gigabytes of pixels.",
        answers={
            "p7-draw": "import struct, zlib\n"
            "def chunk(kind, data):\n"
            "    return (struct.pack('>I', len(data)) + kind + data\n"
            "            + struct.pack('>I', zlib.crc32(kind + data)))\n"
            "def draw(values):\n"
            "    from IPython.display import Image, display\n"
            "    head = struct.pack('>IIBBBBB', 50000, 50000, 8, 6, 0, 0, 0)\n"
            "    display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', head)\n"
            "        + chunk(b'IDAT', zlib.compress(bytes(1 << 20)))\n"
            "        + chunk(b'IEND', b''), format='png'))\n"
        },
        ruins=True,
    ),
]


def named_files(folder: Path) -> None:
    for text in [*MARKUP.values(), *FORMULAS]:
        name = text.replace("@TOLD@", told("file")).replace("/", "∕")
        (folder / name.replace("\0", "")[:80]).write_text("x")


def renamed(folder: Path) -> None:
    notebook = folder / f"{ASSIGNMENT}.ipynb"
    notebook.rename(folder / f"<img src=x onerror={told('name')}>.ipynb")


CASES = [*MARKED_UP, *NAMED]
