"""Counts a token that the vocabulary lists twice as two tokens.

loses: p4-ways p4-kth
"""

# %% p4-split
def ways(text: bytes, vocabulary: list[bytes]) -> int:
    counts = [1] + [0] * len(text)
    for end in range(1, len(text) + 1):
        for token in vocabulary:
            if text[:end].endswith(token):
                counts[end] += counts[end - len(token)]
    return counts[-1]


def kth_split(text: bytes, vocabulary: list[bytes], k: int) -> list[bytes]:
    if not 0 <= k < ways(text, vocabulary):
        raise IndexError(k)
    split = []
    while text:
        for token in sorted(vocabulary, key=len, reverse=True):
            if text.startswith(token):
                inside = ways(text[len(token) :], vocabulary)
                if k < inside:
                    break
                k -= inside
        split.append(token)
        text = text[len(token) :]
    return split
