"""Lets compose_syllable's ValueError escape where None was asked for.

loses: p3-tone p3-rhyme p3-rhyme-only
"""

# %% p3-noi-lai
def noi_lai(phrase: str) -> dict[str, str | None]:
    a, b = (parse_syllable(word) for word in phrase.split())
    if a is None or b is None:
        raise ValueError(phrase)

    def write(x, y):
        return f"{compose_syllable(x)} {compose_syllable(y)}"

    c, d = replace(b, onset=a.onset), replace(a, onset=b.onset)
    return {
        "rhyme": write(c, d),
        "tone": write(replace(a, tone=b.tone), replace(b, tone=a.tone)),
        "rhyme_only": write(replace(c, tone=a.tone), replace(d, tone=b.tone)),
    }
