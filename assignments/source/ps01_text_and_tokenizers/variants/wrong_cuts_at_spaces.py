"""Breaks at spaces where it can, so pieces are shorter than they could be.

loses: p2-nfc p2-nfd
"""

# %% p2-packets
def packets(text: str, max_bytes: int) -> list[str]:
    letters = []
    for char in text:
        if letters and unicodedata.combining(char):
            letters[-1] += char
        else:
            letters.append(char)
    if any(len(letter.encode()) > max_bytes for letter in letters):
        raise ValueError("too small")
    result, line = [], ""
    for letter in letters:
        if len((line + letter).encode()) > max_bytes:
            head, space, tail = line.rpartition(" ")
            result.append(head + space or line)
            line = tail if space else ""
        line += letter
    return [piece for piece in [*result, line] if piece]
