"""Adds the syllables first and rounds once, as if all stretches were one text.

loses: p5-money
"""

# %% p5-budget
def budget(plan: dict) -> dict[str, int]:
    syllables, count = plan["question"] + plan["answer"], 0

    def tokens_of(total):
        return -(-total * plan["rate"] // 1000)

    if tokens_of(syllables) > plan["context"]:
        raise ValueError("window too small")
    for article in plan["articles"]:
        if tokens_of(syllables + article) > plan["context"]:
            break
        syllables += article
        count += 1
    used = tokens_of(syllables)
    micro = used * plan["requests"] * 30 * plan["price"]
    return {"articles": count, "tokens": used, "dong": -(-micro // 10**9) * 1000}
