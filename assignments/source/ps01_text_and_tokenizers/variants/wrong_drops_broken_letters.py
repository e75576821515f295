"""Cuts the bytes and decodes with errors="ignore": letters at the cut vanish.

loses: p2-nfc p2-nfd p2-edges
"""

# %% p2-packets
def packets(text: str, max_bytes: int) -> list[str]:
    data = text.encode()
    return [
        data[i : i + max_bytes].decode(errors="ignore")
        for i in range(0, len(data), max_bytes)
    ]
