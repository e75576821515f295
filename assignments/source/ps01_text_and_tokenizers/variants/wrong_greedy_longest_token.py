"""Takes the longest token at the front every time, which is not the fewest.

loses: p4-fewest
"""

# %% p4-split
def ways(text: bytes, vocabulary: list[bytes]) -> int:
    counts = [1] + [0] * len(text)
    for end in range(1, len(text) + 1):
        for token in set(vocabulary):
            if text[:end].endswith(token):
                counts[end] += counts[end - len(token)]
    return counts[-1]


def fewest(text: bytes, vocabulary: list[bytes]) -> list[bytes] | None:
    result = []
    while text:
        fitting = [token for token in vocabulary if text.startswith(token)]
        if not fitting:
            return None
        result.append(max(fitting, key=len))
        text = text[len(result[-1]) :]
    return result
