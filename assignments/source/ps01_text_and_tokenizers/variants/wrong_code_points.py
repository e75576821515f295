"""Sorts by Unicode code point, as Python does unasked: đ and ă land after z.

loses: p1-letters p1-tones p1-words
"""

# %% p1-sort
def dictionary_sort(words: list[str]) -> list[str]:
    return sorted(words)
