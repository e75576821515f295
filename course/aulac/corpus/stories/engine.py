"""The template language of the generator: text with choices and typed slots.

* ``[mưa to|trời nắng]``: one of the alternatives, equally likely; they nest.
* ``[1:a|b] … [1:c|d]``: choices that go together: the same place in each.
* ``{x}``: the entity bound to ``x``; ``{x.a}``: one of its attributes.
* ``{x:fruit}``: the same, drawing ``x`` from the type ``fruit`` at its first use.
  Two names of one type never hold the same entity.
* ``{^x.a}``: the same with its first letter in upper case.

A new sentence gets its capital by itself, so a template can start one with a slot.
Templates are compiled once into a list of strings and small functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Entity = Mapping[str, str]
Context = dict[str, Any]
Rand = Callable[[], float]
Draw = Callable[[Context, Rand], Entity]
Part = str | Callable[[Context, Rand], str]

# A capital is due at the start, after . ! ? … and a space, after a line break (with
# an optional dash) and after an opening quotation mark that follows a colon.
_NEEDS = re.compile(r"(?:(?:^|[.!?]\s+|\n(?:– )?)\"?|: \")[a-zà-ỹđ]")
_AFTER = re.compile(r": \"[^\"]*[.!?]\" [a-zà-ỹđ]")
_TWICE = re.compile(r"([.!?]\")\.")
_TOGETHER = re.compile(r"\[(\d):")

TYPES: dict[str, Draw] = {}


class TemplateError(ValueError):
    """A template that cannot be read, or a slot that nothing fills."""


def pick(items: list | tuple, r: Rand):
    """One item, each equally likely."""
    return items[int(r() * len(items))]


def capitalised(text: str) -> str:
    """`text` with a capital at the start of every sentence.

    What follows a quotation is a new sentence when a colon led the quotation in
    (``mẹ nói: "Ừ!" Bé cười``), and goes on when not (``"Ừ!" mẹ nói``).
    """
    text = _AFTER.sub(_upper_last, _TWICE.sub(r"\1", text))
    return _NEEDS.sub(_upper_last, text)


def _upper_last(found: re.Match[str]) -> str:
    return found.group()[:-1] + found.group()[-1].upper()


def entity(text: str, **attributes: str) -> dict[str, str]:
    """An entity whose plain form is `text`."""
    return {"": text, **attributes}


def register(name: str, draw: Draw | Iterable[Entity]) -> None:
    """Make the type `name` drawable: a function, or entities equally likely."""
    if callable(draw):
        TYPES[name] = draw
        return
    items = list(draw)
    TYPES[name] = lambda c, r: items[int(r() * len(items))]


def bind(c: Context, name: str, kind: str, r: Rand) -> Entity:
    """Draw an entity of type `kind` for `name`, unlike those already drawn."""
    draw = TYPES.get(kind)
    if draw is None:
        raise TemplateError(
            f"no type named {kind!r}: register it or fix the slot"
        )
    for _ in range(12):
        found = draw(c, r)
        # People of every type share one list: no two of a document have one name.
        key = found.get("n", found[""])
        seen = c.setdefault("#ten" if "ten" in found else "#" + kind, [])
        if key not in seen:
            break
    seen.append(key)
    c[name] = found
    return found


class Template:
    """A compiled template; `alternatives` counts the ways through its choices."""

    __slots__ = ("alternatives", "choices", "parts", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.choices = 0
        self.parts, end, self.alternatives = self._sequence(source, 0, "")
        if end != len(source):
            raise TemplateError(
                f"unmatched {source[end]!r} at {end} in {source!r}"
            )

    def render(self, c: Context, r: Rand) -> str:
        """The text for context `c`; slots drawn on the way stay bound in `c`."""
        return "".join([p if type(p) is str else p(c, r) for p in self.parts])  # type: ignore[operator]

    def _sequence(
        self, s: str, i: int, stops: str
    ) -> tuple[list[Part], int, int]:
        parts: list[Part] = []
        ways = 1
        start = i
        while i < len(s) and s[i] not in stops:
            if s[i] not in "[{]}":
                i += 1
                continue
            if s[i] in "]}":
                raise TemplateError(f"unmatched {s[i]!r} at {i} in {s!r}")
            if start < i:
                parts.append(s[start:i])
            if s[i] == "{":
                part, i = self._slot(s, i)
            else:
                part, i, many = self._choice(s, i)
                ways *= many
            parts.append(part)
            start = i
        if start < i:
            parts.append(s[start:i])
        return parts, i, ways

    def _choice(self, s: str, i: int) -> tuple[Part, int, int]:
        branches: list[list[Part]] = []
        ways = 0
        together = _TOGETHER.match(s, i)
        if together:
            i = together.end() - 1
        while True:
            parts, i, many = self._sequence(s, i + 1, "|]")
            branches.append(parts)
            ways += many
            if i >= len(s):
                raise TemplateError(f"a [ is never closed in {s!r}")
            if s[i] == "]":
                break
        self.choices += len(branches)
        if together:
            return _aligned(branches, "[" + together.group(1)), i + 1, ways
        return _choice(branches), i + 1, ways

    @staticmethod
    def _slot(s: str, i: int) -> tuple[Part, int]:
        end = s.find("}", i)
        match = re.fullmatch(
            r"(\^?)(\w+)(?::(\w+))?(?:\.(\w+))?", s[i + 1 : end]
        )
        if end < 0 or not match:
            raise TemplateError(f"a slot at {i} cannot be read in {s!r}")
        upper, name, kind, attribute = match.groups()
        return _slot(name, kind, attribute or "", bool(upper)), end + 1


def _choice(branches: list[list[Part]]) -> Part:
    n = len(branches)
    if all(
        len(b) == 0 or (len(b) == 1 and type(b[0]) is str) for b in branches
    ):
        texts = [b[0] if b else "" for b in branches]
        return lambda c, r: texts[int(r() * n)]  # type: ignore[return-value]

    def choose(c: Context, r: Rand) -> str:
        parts = branches[int(r() * n)]
        return "".join([p if type(p) is str else p(c, r) for p in parts])  # type: ignore[operator]

    return choose


def _aligned(branches: list[list[Part]], key: str) -> Part:
    n = len(branches)

    def choose(c: Context, r: Rand) -> str:
        at = c.get(key)
        if at is None:
            at = c[key] = int(r() * n)
        parts = branches[at % n]
        return "".join([p if type(p) is str else p(c, r) for p in parts])  # type: ignore[operator]

    return choose


def _slot(name: str, kind: str | None, attribute: str, upper: bool) -> Part:
    def fill(c: Context, r: Rand) -> str:
        found = c.get(name)
        if found is None:
            if kind is None:
                raise TemplateError(
                    f"slot {{{name}}} is used before it is drawn"
                )
            found = bind(c, name, kind, r)
        try:
            text = found[attribute]
        except KeyError:
            raise TemplateError(
                f"{name} ({found['']}) has no attribute {attribute!r}"
            ) from None
        return text[0].upper() + text[1:] if upper else text

    return fill


_CACHE: dict[str, Template] = {}


def compiled(source: str) -> Template:
    """The template for `source`, compiled at most once."""
    template = _CACHE.get(source)
    if template is None:
        template = _CACHE[source] = Template(source)
    return template


def render(source: str, c: Context, r: Rand) -> str:
    """Render `source` in context `c`."""
    return compiled(source).render(c, r)
