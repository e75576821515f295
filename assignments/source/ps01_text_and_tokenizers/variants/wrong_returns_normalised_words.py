"""Sorts rightly but gives the words back in lower case and NFC.

loses: p1-words
"""

# %% p1-sort
def dictionary_sort(words: list[str]) -> list[str]:
    marks = ["", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323"]

    def rank(syllable):
        letters = [ALPHABET.index(ch) for ch in strip_tone(syllable)]
        tones = [marks.index(c) for c in decompose(syllable) if c in marks[1:]]
        return letters, (tones or [0])[0]

    words = [normalise(word).lower() for word in words]
    return sorted(words, key=lambda word: [rank(s) for s in word.split()])
