"""What a notebook needs to talk to its reader and to the verifier.

- `setup` at the top of a lesson: language, scale, seeds, the workspace;
- `predict` and `record`: the reader's guess, the measured outcome, side by side;
- `check`: an exercise tried on cases, never with a traceback;
- `show`: a picture with alt text in both languages and its numbers as a table;
- `bilingual`, `spans`, `localise`: one output that serves both languages.

And, each to be imported by itself: `recipes`, `artefacts`, `models` (what lessons make and
hand on), `shipped` (the model that comes with the course), `widgets`, `checks` (what an
assignment's test cells may ask).

Importing this module loads neither torch nor IPython.
"""

from aulac.lesson.exercise import check
from aulac.lesson.language import bilingual, choose, localise, spans
from aulac.lesson.outcome import predict, record
from aulac.lesson.picture import show, table_html
from aulac.lesson.session import Here, setup

__all__ = [
    "Here",
    "bilingual",
    "check",
    "choose",
    "localise",
    "predict",
    "record",
    "setup",
    "show",
    "spans",
    "table_html",
]
