"""Talking with a model; the chat template itself is the tokenizer's."""

from aulac.chat.conversation import Conversation, room
from aulac.tokenizer.template import (
    ROLES,
    TEMPLATE,
    Message,
    Messages,
    encode,
    render,
)

__all__ = [
    "ROLES",
    "TEMPLATE",
    "Conversation",
    "Message",
    "Messages",
    "encode",
    "render",
    "room",
]
