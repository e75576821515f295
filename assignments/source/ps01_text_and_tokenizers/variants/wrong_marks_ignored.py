"""Compares words without any marks, so a, ă, â and all tones are one letter.

loses: p1-letters p1-tones p1-words
"""

# %% p1-sort
def dictionary_sort(words: list[str]) -> list[str]:
    def bare(word):
        spread = unicodedata.normalize("NFD", word.lower()).replace("đ", "d")
        return "".join(c for c in spread if not unicodedata.combining(c)).split()

    return sorted(words, key=bare)
