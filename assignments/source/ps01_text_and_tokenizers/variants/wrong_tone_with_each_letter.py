"""Weighs the tone together with the letter that carries it, so bàng comes after bán.

loses: p1-tones p1-words
"""

# %% p1-sort
def dictionary_sort(words: list[str]) -> list[str]:
    marks = ["", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323"]

    def letter(char):
        tones = [marks.index(c) for c in decompose(char) if c in marks[1:]]
        return ALPHABET.index(strip_tone(char)), (tones or [0])[0]

    return sorted(
        words,
        key=lambda word: [
            [letter(c) for c in s] for s in normalise(word).lower().split()
        ],
    )
