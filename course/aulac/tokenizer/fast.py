"""The tokenizer that ships: `Tokenizer`, over Hugging Face `tokenizers`.

- byte-level BPE: no text is unknown, any bytes can be encoded;
- NFC inside, so one word has one spelling whatever keyboard typed it;
- three special tokens with the ids 0, 1, 2; text that merely looks like one is
  ordinary text unless the caller says otherwise;
- saved as an ordinary `tokenizer.json` that `transformers.AutoTokenizer` loads, with
  a split that llama.cpp knows by the name of `superbpe`, so a GGUF file of the model
  tokenises the same.

Laws (tested): `decode(encode(text)) == NFC(text)` for any text, and
`decode_bytes(encode_bytes(data)) == data` for any bytes.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers
from tokenizers import pre_tokenizers as pre

from aulac.tokenizer.alphabet import BYTES, unspell
from aulac.tokenizer.bpe import SYLLABLES

END, IM_START, IM_END = SPECIALS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
)

# The whole split of a superword tokenizer, as llama.cpp's `superbpe` has it: numbers
# stand apart, in groups of three digits counted from the right (1|234|567).
NUMBERS = r"\p{N}+"
THREES = r"(?=(\d{3})+(?!\d))"
LLAMA_CPP_PRE = "superbpe"

# The look-ahead in THREES reads a number to its end from every digit, so a number of
# 30,000 digits would take 20 s. Longer ones are handed over in parts that end where
# a group of three ends anyway: same ids, no wait.
LONG_NUMBER = re.compile(r"\d{600,}")
PART = 300

# Bytes that are not UTF-8, as `errors="surrogateescape"` hands them over.
SURROGATE = re.compile("[\ud800-\udfff]")
STRAY = re.compile("([\udc80-\udcff]+)")


def split(by_syllable: bool = False) -> pre.PreTokenizer:
    """Cut at numbers only: all between two numbers is one phrase.

    `by_syllable` also cuts at every syllable: the split of training's stage one.
    """
    cuts = [NUMBERS, THREES, SYLLABLES] if by_syllable else [NUMBERS, THREES]
    return pre.Sequence(
        [pre.Split(Regex(cut), "isolated") for cut in cuts]
        + [pre.ByteLevel(add_prefix_space=False, use_regex=False)]
    )


def assemble(
    vocabulary: dict[str, int],
    merges: list[tuple[str, str]],
    by_syllable: bool = False,
) -> tokenizers.Tokenizer:
    """One ordinary `tokenizers.Tokenizer` from a vocabulary and its merge list."""
    backend = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = split(by_syllable)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(
        [
            AddedToken(token, special=True, normalized=False)
            for token in SPECIALS
        ]
    )
    return backend


def names(backend: tokenizers.Tokenizer) -> list[str]:
    """The vocabulary as it is spelled in the file, by id."""
    size = backend.get_vocab_size()
    return [backend.id_to_token(place) or "" for place in range(size)]


class Tokenizer:
    """A byte-level BPE tokenizer with NFC inside.

    `backend` is the `tokenizers.Tokenizer` it is saved as. Ids are ints in
    [0, vocab_size); special tokens come first.
    """

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        self.backend = backend
        found = tuple(
            backend.id_to_token(place) for place in range(len(SPECIALS))
        )
        if found != SPECIALS:
            raise ValueError(
                f"this tokenizer's ids 0 to 2 are {found}, not {SPECIALS}: it was not "
                "made by aulac.tokenizer.train; wrap it yourself or train a new one"
            )
        # Two clones beside it: one that reads special tokens in a text as text, and
        # one that also leaves the bytes alone (no NFC), for encode_bytes.
        self._plain = self._clone(nfc=True)
        self._raw = self._clone(nfc=False)
        self._bytes: list[bytes] = [
            token.encode() if place < len(SPECIALS) else unspell(token)
            for place, token in enumerate(names(backend))
        ]
        ids = {data: place for place, data in enumerate(self._bytes)}
        self._byte_id = {byte[0]: ids[byte] for byte in BYTES}

    def _clone(self, nfc: bool) -> tokenizers.Tokenizer:
        clone = tokenizers.Tokenizer.from_str(self.backend.to_str())
        clone.encode_special_tokens = True
        if not nfc:
            clone.normalizer = normalizers.Sequence([])
        return clone

    # ids

    @property
    def vocab_size(self) -> int:
        """Number of ids, special tokens included."""
        return len(self._bytes)

    @property
    def eos_id(self) -> int:
        """`<|endoftext|>`: stands between documents."""
        return 0

    @property
    def im_start_id(self) -> int:
        """`<|im_start|>`: opens a turn of a conversation."""
        return 1

    @property
    def im_end_id(self) -> int:
        """`<|im_end|>`: closes a turn."""
        return 2

    @property
    def merges(self) -> list[tuple[bytes, bytes]]:
        """The merge list as bytes, earliest first: all that was learnt."""
        pairs = json.loads(self.backend.to_str())["model"]["merges"]
        return [(unspell(left), unspell(right)) for left, right in pairs]

    def __len__(self) -> int:
        return self.vocab_size

    def __reduce__(
        self,
    ) -> tuple[type[Tokenizer], tuple[tokenizers.Tokenizer]]:
        return Tokenizer, (self.backend,)  # the clones are made anew

    def __repr__(self) -> str:
        return f"Tokenizer(vocab_size={self.vocab_size})"

    # text to ids

    def encode(self, text: str, allow_special: bool = False) -> list[int]:
        """Ids of NFC(text).

        With `allow_special`, the three special tokens written in `text` become their
        single ids: only for text that we wrote ourselves (a chat template). By
        default they are ordinary characters, so a user cannot end a turn by typing.
        """
        return self.encode_batch([text], allow_special)[0]

    def encode_batch(
        self, texts: Iterable[str], allow_special: bool = False
    ) -> list[list[int]]:
        """`encode` for many texts at once, on all cores."""
        backend = self.backend if allow_special else self._plain
        batch = [_parts(text) for text in texts]
        flat = [part for parts in batch for part in parts]
        if len(flat) == 1:  # a single text is faster without the thread pool
            return [backend.encode(flat[0], add_special_tokens=False).ids]
        done = iter(backend.encode_batch_fast(flat, add_special_tokens=False))
        return [
            [token for part in parts for token in next(done).ids]
            for parts in batch
        ]

    def encode_bytes(self, data: bytes) -> list[int]:
        """Ids of any bytes, nothing normalised: `decode_bytes` gives them back."""
        ids: list[int] = []
        pieces = STRAY.split(
            bytes(data).decode("utf-8", errors="surrogateescape")
        )
        for place, piece in enumerate(pieces):
            if place % 2:  # not UTF-8: one id a byte
                stray = piece.encode("utf-8", errors="surrogateescape")
                ids.extend(self._byte_id[byte] for byte in stray)
            elif piece:
                ids.extend(
                    self._raw.encode(piece, add_special_tokens=False).ids
                )
        return ids

    # ids to text

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes one id stands for (a special token: its name)."""
        if not 0 <= token_id < self.vocab_size:
            raise IndexError(
                f"token id {token_id} is outside this vocabulary of "
                f"{self.vocab_size}: was the text encoded by another tokenizer?"
            )
        return self._bytes[token_id]

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of a list of ids, whether or not they are whole characters."""
        return b"".join(map(self.token_bytes, ids))

    def decode(self, ids: Iterable[int], skip_special: bool = False) -> str:
        """Text of `ids`; bytes that form no whole character become U+FFFD."""
        if skip_special:
            ids = [token_id for token_id in ids if token_id >= len(SPECIALS)]
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def pieces(self, text: str) -> list[str | bytes]:
        """The text of each token of `text`; bytes where it cuts a character."""
        return [
            _readable(self.token_bytes(token)) for token in self.encode(text)
        ]

    # disk

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """From a folder that holds `tokenizer.json`, or from that file.

        FileNotFoundError or ValueError say what was looked for and what to do.
        """
        path = Path(path)
        file = path / "tokenizer.json" if path.is_dir() else path
        if not file.is_file():
            raise FileNotFoundError(
                f"no tokenizer at {file}: make one with `aulac tokenizer train TEXT "
                f"--out {path}`"
            )
        try:
            backend = tokenizers.Tokenizer.from_file(str(file))
        except Exception as error:  # the Rust side raises bare Exception
            raise ValueError(
                f"{file} is not a tokenizer.json ({error}): make it anew with `aulac "
                "tokenizer train`"
            ) from error
        return cls(backend)

    def save(self, folder: str | Path) -> Path:
        """Write `tokenizer.json` and `tokenizer_config.json` for AutoTokenizer.

        Each takes its name only when it is whole. OSError when it cannot be written.
        """
        from aulac.tokenizer.template import TEMPLATE

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        whole = self.backend.to_str(pretty=True)
        config = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": END,
            "pad_token": END,
            "additional_special_tokens": [IM_START, IM_END],
            "clean_up_tokenization_spaces": False,
            "model_max_length": 1_000_000,
            "chat_template": TEMPLATE,
        }
        text = json.dumps(config, ensure_ascii=False, indent=2)
        _write(folder / "tokenizer.json", whole)
        _write(folder / "tokenizer_config.json", text + "\n")
        return folder


def _write(file: Path, text: str) -> None:
    part = file.with_name(file.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _parts(text: str) -> list[str]:
    """The text, checked; in several parts where a number is monstrously long."""
    if not isinstance(text, str):
        raise TypeError(
            f"encode wants text (str), not {type(text).__name__}: for bytes there is "
            "encode_bytes"
        )
    lone = SURROGATE.search(text)
    if lone:
        raise ValueError(
            f"character {lone.start()} of the text is half of a surrogate pair "
            f"(U+{ord(lone.group()):04X}), which no text may hold: decode the file "
            "again with the right encoding"
        )
    cuts = [0]
    for number in LONG_NUMBER.finditer(text):
        first = number.start() + len(number.group()) % PART
        cuts += range(first, number.end(), PART)
    return [text[a:b] for a, b in pairwise([*cuts, len(text)])]


def _readable(data: bytes) -> str | bytes:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data


def nfc(text: str) -> str:
    """What `encode` makes of a text before anything else."""
    return unicodedata.normalize("NFC", text)
