"""Compares the letters of the whole phrase before any tone: bà con before ba hoa.

loses: p1-words
"""

# %% p1-sort
def dictionary_sort(words: list[str]) -> list[str]:
    marks = ["", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323"]

    def key(word):
        syllables = word.lower().split()
        letters = [[ALPHABET.index(c) for c in strip_tone(s)] for s in syllables]
        tones = [
            max((marks.index(c) for c in decompose(s) if c in marks[1:]), default=0)
            for s in syllables
        ]
        return letters, tones

    return sorted(words, key=key)
