"""Right, in a functional style: recursion with a cache, regular expressions,
comprehensions, Decimal and Fraction instead of whole-number tricks."""

# %% p1-sort
def dictionary_sort(words: list[str]) -> list[str]:
    from functools import cmp_to_key

    alphabet = {letter: place for place, letter in enumerate(ALPHABET)}
    order = "\u0300\u0309\u0303\u0301\u0323"

    def sound(syllable):
        spelled = tuple(alphabet[c] for c in strip_tone(syllable.casefold()))
        marks = [c for c in decompose(syllable) if c in order]
        return spelled, order.index(marks[0]) + 1 if marks else 0

    def compare(a, b):
        left, right = [[sound(s) for s in w.split()] for w in (a, b)]
        return (left > right) - (left < right)

    return sorted(words, key=cmp_to_key(compare))

# %% p2-packets
def packets(text: str, max_bytes: int) -> list[str]:
    import re
    from functools import reduce

    letters = re.findall(r"(?s).[\u0300-\u036f]*", text)
    if any(len(letter.encode()) > max_bytes for letter in letters):
        raise ValueError(f"max_bytes={max_bytes}")

    def add(done, letter):
        if done and len((done[-1] + letter).encode()) <= max_bytes:
            return [*done[:-1], done[-1] + letter]
        return [*done, letter]

    return reduce(add, letters, [])

# %% p3-noi-lai
def noi_lai(phrase: str) -> dict[str, str | None]:
    match phrase.split():
        case [left, right]:
            a, b = parse_syllable(left), parse_syllable(right)
        case _:
            raise ValueError("hai âm tiết thôi nhé")
    if not (a and b):
        raise ValueError("không phải tiếng Việt")

    def write(rhymes, tones):
        try:
            pair = (
                compose_syllable(replace(rhyme, onset=onset, tone=tone))
                for onset, rhyme, tone in zip((a.onset, b.onset), rhymes, tones)
            )
            return " ".join(pair)
        except ValueError:
            return None

    there, back = (a, b), (b, a)
    tones, swapped = (a.tone, b.tone), (b.tone, a.tone)
    return {
        "rhyme_only": write(back, tones),
        "rhyme": write(back, swapped),
        "tone": write(there, swapped),
    }

# %% p4-split
def ways(text: bytes, vocabulary: list[bytes]) -> int:
    from functools import cache

    tokens = frozenset(vocabulary) - {b""}

    @cache
    def count(start):
        if start == len(text):
            return 1
        return sum(count(start + len(t)) for t in tokens if text.startswith(t, start))

    return count(0)


def kth_split(text: bytes, vocabulary: list[bytes], k: int) -> list[bytes]:
    from functools import cache
    from itertools import islice

    @cache
    def count(start):
        return start == len(text) or sum(
            count(start + len(t)) for t in set(vocabulary) if text.startswith(t, start)
        )

    def walk(start, k):
        if start == len(text):
            yield ()
            return
        for token in sorted(set(vocabulary), key=len, reverse=True):
            if text.startswith(token, start):
                if k < count(start + len(token)):
                    for rest in walk(start + len(token), k):
                        yield (token, *rest)
                    return
                k -= count(start + len(token))

    if k < 0 or k >= count(0):
        raise IndexError(k)
    return list(next(islice(walk(0, k), 1)))

# %% p5-budget
def budget(plan: dict) -> dict[str, int]:
    from fractions import Fraction
    from itertools import accumulate, takewhile
    from math import ceil

    rate = Fraction(plan["rate"], 1000)
    first = ceil(plan["question"] * rate) + ceil(plan["answer"] * rate)
    if first > plan["context"]:
        raise ValueError(plan["context"])
    sums = accumulate((ceil(a * rate) for a in plan["articles"]), initial=first)
    fitting = list(takewhile(lambda total: total <= plan["context"], sums))
    cost = Fraction(fitting[-1] * plan["requests"] * 30 * plan["price"], 10**9)
    return {
        "dong": 1000 * ceil(cost),
        "articles": len(fitting) - 1,
        "tokens": fitting[-1],
    }
