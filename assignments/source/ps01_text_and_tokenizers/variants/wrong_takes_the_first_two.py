"""Ignores everything after the second syllable instead of refusing it.

loses: p3-input
"""

# %% p3-noi-lai
def noi_lai(phrase: str) -> dict[str, str | None]:
    a, b = [parse_syllable(word) for word in phrase.split() + [""]][:2]
    if a is None or b is None:
        raise ValueError(phrase)

    def write(x, y):
        try:
            return f"{compose_syllable(x)} {compose_syllable(y)}"
        except ValueError:
            return None

    c, d = replace(b, onset=a.onset), replace(a, onset=b.onset)
    return {
        "rhyme": write(c, d),
        "tone": write(replace(a, tone=b.tone), replace(b, tone=a.tone)),
        "rhyme_only": write(replace(c, tone=a.tone), replace(d, tone=b.tone)),
    }
