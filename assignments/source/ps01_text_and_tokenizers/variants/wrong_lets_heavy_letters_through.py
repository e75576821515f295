"""Gives a letter that is too heavy a packet of its own instead of refusing.

loses: p2-edges
"""

# %% p2-packets
def packets(text: str, max_bytes: int) -> list[str]:
    letters = []
    for char in text:
        if letters and unicodedata.combining(char):
            letters[-1] += char
        else:
            letters.append(char)
    result = []
    for letter in letters:
        if result and len((result[-1] + letter).encode()) <= max_bytes:
            result[-1] += letter
        else:
            result.append(letter)
    return result
