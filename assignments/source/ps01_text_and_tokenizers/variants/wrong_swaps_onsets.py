"""Reads "rhyme" as swapping the rhymes alone and "rhyme_only" as taking tones along.

loses: p3-rhyme p3-rhyme-only
"""

# %% p3-noi-lai
def noi_lai(phrase: str) -> dict[str, str | None]:
    parsed = [parse_syllable(word) for word in phrase.split()]
    if len(parsed) != 2 or None in parsed:
        raise ValueError(phrase)
    a, b = parsed

    def write(x, y):
        try:
            return f"{compose_syllable(x)} {compose_syllable(y)}"
        except ValueError:
            return None

    c, d = replace(b, onset=a.onset), replace(a, onset=b.onset)
    return {
        "rhyme": write(replace(c, tone=a.tone), replace(d, tone=b.tone)),
        "tone": write(replace(a, tone=b.tone), replace(b, tone=a.tone)),
        "rhyme_only": write(c, d),
    }
