"""Counts characters where bytes were asked for: packets come out too heavy.

loses: p2-nfc p2-nfd p2-edges
"""

# %% p2-packets
def packets(text: str, max_bytes: int) -> list[str]:
    return [text[i : i + max_bytes] for i in range(0, len(text), max_bytes)]
