"""Right, in an object-oriented style: classes hidden behind the asked-for functions,
subclasses of int and list as results, extra names left around."""

# %% p1-sort
from dataclasses import dataclass
from functools import total_ordering


@total_ordering
@dataclass(frozen=True)
class Heading:
    word: str

    @property
    def key(self):
        tones = {"": 0, "\u0300": 1, "\u0309": 2, "\u0303": 3, "\u0301": 4, "\u0323": 5}
        parts = []
        for syllable in normalise(self.word).lower().split():
            marks = [c for c in decompose(syllable) if c in tones]
            parts.append(
                (
                    tuple(map(ALPHABET.index, strip_tone(syllable))),
                    tones["".join(marks)],
                )
            )
        return parts

    def __lt__(self, other):
        return self.key < other.key


def dictionary_sort(words: list[str]) -> list[str]:
    return [heading.word for heading in sorted(map(Heading, words))]

# %% p2-packets
class Packet(str):
    def fits(self, letter, limit):
        return len((self + letter).encode()) <= limit


def letters_of(text):
    letter = ""
    for char in text:
        if letter and not unicodedata.combining(char):
            yield letter
            letter = ""
        letter += char
    if letter:
        yield letter


def packets(text: str, max_bytes: int) -> list[str]:
    packets = [Packet()]
    for letter in letters_of(text):
        if not Packet().fits(letter, max_bytes):
            raise ValueError(letter)
        if packets[-1].fits(letter, max_bytes):
            packets[-1] = Packet(packets[-1] + letter)
        else:
            packets.append(Packet(letter))
    return [packet for packet in packets if packet]

# %% p5-budget
class Bill:
    def __init__(self, plan):
        self.__dict__.update(plan)
        self.used = self.tokens(self.question) + self.tokens(self.answer)
        if self.used > self.context:
            raise ValueError("cửa sổ quá nhỏ")

    def tokens(self, syllables):
        whole, part = divmod(syllables * self.rate, 1000)
        return whole + bool(part)

    def take(self):
        for number, article in enumerate(self.articles):
            if self.used + self.tokens(article) > self.context:
                return number
            self.used += self.tokens(article)
        return len(self.articles)


def budget(plan: dict) -> dict[str, int]:
    bill = Bill(plan)
    count = bill.take()
    million, thousand = 1_000_000, 1_000
    micro = bill.used * bill.requests * 30 * bill.price
    thousands, rest = divmod(micro, million * thousand)
    return dict(
        articles=count, tokens=bill.used, dong=(thousands + bool(rest)) * thousand
    )
