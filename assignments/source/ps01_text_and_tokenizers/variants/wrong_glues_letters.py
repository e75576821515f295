"""Glues onset and rhyme as strings and forgets that c, g, ng change before e, ê, i.

loses: p3-rhyme p3-tone p3-rhyme-only
"""

# %% p3-noi-lai
def noi_lai(phrase: str) -> dict[str, str | None]:
    parsed = [parse_syllable(word) for word in phrase.split()]
    if len(parsed) != 2 or None in parsed:
        raise ValueError(phrase)
    a, b = parsed

    def write(syllable):
        s = syllable
        if s.coda in ("p", "t", "c", "ch") and s.tone not in (Tone.SAC, Tone.NANG):
            return None
        place = 2 if len(s.nucleus) == 2 and s.coda else 1
        nucleus = s.nucleus[:place] + s.tone.mark + s.nucleus[place:]
        return normalise(s.onset + s.glide + nucleus + s.coda)

    def both(x, y):
        x, y = write(x), write(y)
        return None if x is None or y is None else f"{x} {y}"

    c, d = replace(b, onset=a.onset), replace(a, onset=b.onset)
    return {
        "rhyme": both(c, d),
        "tone": both(replace(a, tone=b.tone), replace(b, tone=a.tone)),
        "rhyme_only": both(replace(c, tone=a.tone), replace(d, tone=b.tone)),
    }
