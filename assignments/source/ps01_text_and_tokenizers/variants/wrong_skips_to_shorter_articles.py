"""Goes on to shorter articles after one that does not fit.

loses: p5-money
"""

# %% p5-budget
def budget(plan: dict) -> dict[str, int]:
    def tokens_of(syllables):
        return -(-syllables * plan["rate"] // 1000)

    used = tokens_of(plan["question"]) + tokens_of(plan["answer"])
    if used > plan["context"]:
        raise ValueError("window too small")
    count = 0
    for article in plan["articles"]:
        if used + tokens_of(article) <= plan["context"]:
            used += tokens_of(article)
            count += 1
    micro = used * plan["requests"] * 30 * plan["price"]
    return {"articles": count, "tokens": used, "dong": -(-micro // 10**9) * 1000}
