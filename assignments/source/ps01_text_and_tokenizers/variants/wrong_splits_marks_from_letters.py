"""Keeps code points whole but not letters: in NFD an accent may start a piece.

loses: p2-nfd p2-edges
"""

# %% p2-packets
def packets(text: str, max_bytes: int) -> list[str]:
    result, size = [], max_bytes + 1
    for char in text:
        weight = len(char.encode())
        if weight > max_bytes:
            raise ValueError("too small")
        if size + weight > max_bytes:
            result.append("")
            size = 0
        result[-1] += char
        size += weight
    return result
