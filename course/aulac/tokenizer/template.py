"""The chat template: how a conversation becomes one text, and tokens.

ChatML, as Qwen uses it: each turn is `<|im_start|>role`, a line break, the text and
`<|im_end|>`, a line break. The role and the text are encoded apart, in training and in
conversation alike, so a model meets the same tokens in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aulac.errors import InputError

Message = dict[str, str]
Messages = Sequence[Message]

TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' "
    "+ '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
ROLES = ("system", "user", "assistant")


def _checked(messages: Messages) -> Messages:
    for message in messages:
        if message.get("role") not in ROLES or not isinstance(
            message.get("content"), str
        ):
            raise InputError(
                f"a message needs a role of {ROLES} and a text as content, "
                f"not {message!r}.",
                f"mỗi tin nhắn cần một role trong {ROLES} và một content là văn bản, "
                f"không thể là {message!r}.",
            )
    return messages


def render(messages: Messages, generation_prompt: bool = False) -> str:
    """The conversation as one text, as TEMPLATE writes it."""
    turns = [
        f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n"
        for m in _checked(messages)
    ]
    if generation_prompt:
        turns.append("<|im_start|>assistant\n")
    return "".join(turns)


def encode(
    messages: Messages, tokenizer: Any, generation_prompt: bool = False
) -> tuple[list[int], list[int]]:
    """Token ids, and a mask: 1 where the assistant speaks and ends its turn.

    Text that looks like a special token stays text: nobody can forge a turn.
    """
    ids: list[int] = []
    mask: list[int] = []
    line_break = tokenizer.encode("\n")
    for message in _checked(messages):
        role = tokenizer.encode(message["role"] + "\n")
        head = [tokenizer.im_start_id, *role]
        body = [*tokenizer.encode(message["content"]), tokenizer.im_end_id]
        speaks = int(message["role"] == "assistant")
        ids += head + body + line_break
        mask += [0] * len(head) + [speaks] * len(body) + [0] * len(line_break)
    if generation_prompt:
        head = [tokenizer.im_start_id, *tokenizer.encode("assistant\n")]
        ids += head
        mask += [0] * len(head)
    return ids, mask
