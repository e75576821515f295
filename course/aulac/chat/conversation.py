"""A conversation with a model, as many turns as fit its context."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aulac.tokenizer.template import Message, encode


def room(context: int, answer: int) -> int:
    """Tokens that a prompt may have: an answer keeps its own, up to a quarter."""
    return context - min(answer, context // 4)


class Conversation:
    """A conversation with a model; when it is full the oldest turns go."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        system: str | None = None,
        max_tokens: int = 160,
        **sampling: Any,
    ):
        self.model, self.tokenizer = model, tokenizer
        self.max_tokens = max_tokens
        self.sampling: dict[str, Any] = {
            "temperature": 0.3,
            "top_k": 20,
            "seed": 0,
        } | sampling
        self.messages: list[Message] = []
        if system:
            self.messages.append({"role": "system", "content": system})

    def stream(self, text: str) -> Iterator[str]:
        """Say something; yields the answer in pieces of whole characters.

        Of a text that is too long for the model by itself the end is read.
        """
        from aulac.generate import stream

        self.messages.append({"role": "user", "content": text})
        prompt = self._prompt()
        answer = ""
        options: dict[str, Any] = {**self.sampling}
        options["max_tokens"] = self.max_tokens
        try:
            for piece in stream(self.model, self.tokenizer, prompt, **options):
                answer += piece
                yield piece
        finally:  # broken off (Ctrl-C), what was said so far was said
            said = {"role": "assistant", "content": answer.strip()}
            self.messages.append(said)

    def say(self, text: str) -> str:
        """Say something and return the answer."""
        return "".join(self.stream(text)).strip()

    def unread(self, text: str) -> int:
        """How many tokens at the beginning of `text` the model has no room for."""
        return self._alone(text)[1]

    def _prompt(self) -> list[int]:
        """Ids of the turns that leave room for an answer; always the last."""
        context = self.model.config.context
        turns = [m for m in self.messages if m["role"] != "system"]
        while len(turns) > 1:
            kept = [*self._system(), *turns]
            ids, _ = encode(kept, self.tokenizer, generation_prompt=True)
            if len(ids) + self.max_tokens <= context:
                return ids
            turns = turns[2:] if len(turns) > 2 else turns[1:]
        return self._alone(turns[0]["content"])[0]

    def _alone(self, text: str) -> tuple[list[int], int]:
        """Ids of `text` as the only turn, and how many had to go to make it fit."""
        turn = {"role": "user", "content": text}
        before, _ = encode(self._system(), self.tokenizer)
        ids, _ = encode([*self._system(), turn], self.tokenizer, True)
        start = len(before) + 1 + len(self.tokenizer.encode("user\n"))
        words = len(self.tokenizer.encode(text))
        most = room(self.model.config.context, self.max_tokens)
        spare = min(max(0, len(ids) - most), words)
        return ids[:start] + ids[start + spare :], spare

    def _system(self) -> list[Message]:
        return [m for m in self.messages if m["role"] == "system"]
