"""Right, in a beginner's style: loops, tables written out, nothing from the library
where Python's own unicodedata will do, and global names that tests might use too."""

# %% p1-sort
tones = {"\u0300": 1, "\u0309": 2, "\u0303": 3, "\u0301": 4, "\u0323": 5}
rows = order = words = got = phrase = text = tokens = cases = plan = None


def dictionary_sort(words: list[str]) -> list[str]:
    table = []
    position = 0
    for word in words:
        key = []
        for syllable in word.lower().split(" "):
            letters = []
            tone = 0
            for char in unicodedata.normalize("NFC", syllable):
                kept = ""
                for part in unicodedata.normalize("NFD", char):
                    if part in tones:
                        tone = tones[part]
                    else:
                        kept = kept + part
                letters.append(ALPHABET.find(unicodedata.normalize("NFC", kept)))
            key.append((letters, tone))
        table.append((key, position, word))
        position = position + 1
    table.sort()
    result = []
    for key, position, word in table:
        result.append(word)
    return result

# %% p2-packets
def packets(text: str, max_bytes: int) -> list[str]:
    result = []
    start = 0
    while start < len(text):
        end = start
        while end < len(text):
            after = end + 1
            while after < len(text) and unicodedata.combining(text[after]) != 0:
                after = after + 1
            if len(text[start:after].encode("utf-8")) > max_bytes:
                break
            end = after
        if end == start:
            raise ValueError("một chữ quá nặng")
        result.append(text[start:end])
        start = end
    return result

# %% p4-split
def ways(text: bytes, vocabulary: list[bytes]) -> int:
    tokens = []
    for token in vocabulary:
        if token not in tokens:
            tokens.append(token)
    table = [0] * (len(text) + 1)
    table[0] = 1
    for i in range(len(text)):
        for token in tokens:
            j = i + len(token)
            if text[i:j] == token:
                table[j] = table[j] + table[i]
    return table[len(text)]


def kth_split(text: bytes, vocabulary: list[bytes], k: int) -> list[bytes]:
    if k < 0 or k >= ways(text, vocabulary):
        raise IndexError("không có cách thứ " + str(k))
    result = []
    while len(text) > 0:
        for length in range(len(text), 0, -1):
            if text[:length] in vocabulary:
                inside = ways(text[length:], vocabulary)
                if k < inside:
                    result.append(text[:length])
                    text = text[length:]
                    break
                k = k - inside
    return result
