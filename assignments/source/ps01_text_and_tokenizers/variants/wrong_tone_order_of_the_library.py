"""Takes the tones in the order of the library's Tone, where ngã comes before hỏi.

loses: p1-tones
"""

# %% p1-sort
def dictionary_sort(words: list[str]) -> list[str]:
    marks = [tone.mark for tone in Tone]

    def rank(syllable):
        letters = [ALPHABET.index(ch) for ch in strip_tone(syllable)]
        tones = [marks.index(c) for c in decompose(syllable) if c in marks[1:]]
        return letters, (tones or [0])[0]

    return sorted(words, key=lambda word: [rank(s) for s in word.lower().split()])
