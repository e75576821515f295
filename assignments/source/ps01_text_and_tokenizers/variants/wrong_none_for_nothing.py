"""Has no answer for the empty string: zero ways, and None instead of [].

loses: p4-ways p4-fewest
"""

# %% p4-split
def ways(text: bytes, vocabulary: list[bytes]) -> int:
    if not text:
        return 0
    counts = [1] + [0] * len(text)
    for end in range(1, len(text) + 1):
        for token in set(vocabulary):
            if text[:end].endswith(token):
                counts[end] += counts[end - len(token)]
    return counts[-1]


def fewest(text: bytes, vocabulary: list[bytes]) -> list[bytes] | None:
    best = [None] * len(text) + [[]]
    for start in range(len(text) - 1, -1, -1):
        for token in sorted(set(vocabulary), key=len, reverse=True):
            if text.startswith(token, start) and best[start + len(token)] is not None:
                found = [token, *best[start + len(token)]]
                if best[start] is None or len(found) < len(best[start]):
                    best[start] = found
    return best[0] or None
