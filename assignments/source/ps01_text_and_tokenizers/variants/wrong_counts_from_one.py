"""Counts the splits from 1: k = 0 raises, and every other split is one off.

loses: p4-kth
"""

# %% p4-split
def ways(text: bytes, vocabulary: list[bytes]) -> int:
    counts = [1] + [0] * len(text)
    for end in range(1, len(text) + 1):
        for token in set(vocabulary):
            if text[:end].endswith(token):
                counts[end] += counts[end - len(token)]
    return counts[-1]


def kth_split(text: bytes, vocabulary: list[bytes], k: int) -> list[bytes]:
    if not 1 <= k <= ways(text, vocabulary):
        raise IndexError(k)
    if not text:
        return []
    for token in sorted(set(vocabulary), key=len, reverse=True):
        if text.startswith(token):
            inside = ways(text[len(token) :], vocabulary)
            if k <= inside:
                return [token, *kth_split(text[len(token) :], vocabulary, k)]
            k -= inside
    raise IndexError(k)
