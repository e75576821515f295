"""Rounds the bill to the nearest thousand đồng instead of up.

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
        if used + tokens_of(article) > plan["context"]:
            break
        used += tokens_of(article)
        count += 1
    dong = used * plan["requests"] * 30 * plan["price"] // 10**6
    return {"articles": count, "tokens": used, "dong": round(dong, -3)}
