"""Takes the longest token at the front and skips k of them there, so it runs into dead
ends and knows no split that differs further on.

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
    if not 0 <= k < ways(text, vocabulary):
        raise IndexError(k)
    split = []
    while text:
        fitting = sorted((t for t in set(vocabulary) if text.startswith(t)), key=len)
        if not fitting:
            raise IndexError(k)
        token = fitting[max(-len(fitting), -1 - k)]
        k = max(0, k - len(fitting) + 1)
        split.append(token)
        text = text[len(token) :]
    return split
