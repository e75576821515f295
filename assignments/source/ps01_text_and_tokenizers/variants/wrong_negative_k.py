"""Lets a negative k count from the end, as a list's index would.

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
    total = ways(text, vocabulary)
    if not -total <= k < total:
        raise IndexError(k)
    k %= total
    split = []
    while text:
        for token in sorted(set(vocabulary), key=len, reverse=True):
            if text.startswith(token):
                inside = ways(text[len(token) :], vocabulary)
                if k < inside:
                    break
                k -= inside
        split.append(token)
        text = text[len(token) :]
    return split
