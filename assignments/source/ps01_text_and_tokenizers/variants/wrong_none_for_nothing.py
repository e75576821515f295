"""Says the empty string cannot be split: zero ways, and no split number 0.

loses: p4-ways p4-kth
"""

# %% p4-split
def ways(text: bytes, vocabulary: list[bytes]) -> int:
    return count(text, vocabulary) if text else 0


def count(text, vocabulary):
    counts = [1] + [0] * len(text)
    for end in range(1, len(text) + 1):
        for token in set(vocabulary):
            if text[:end].endswith(token):
                counts[end] += counts[end - len(token)]
    return counts[-1]


def kth_split(text: bytes, vocabulary: list[bytes], k: int) -> list[bytes]:
    if not 0 <= k < ways(text, vocabulary):
        raise IndexError(k)
    split = []
    while text:
        for token in sorted(set(vocabulary), key=len, reverse=True):
            if text.startswith(token):
                inside = count(text[len(token) :], vocabulary)
                if k < inside:
                    break
                k -= inside
        split.append(token)
        text = text[len(token) :]
    return split
