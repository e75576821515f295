"""Reckons with floats: 400 × 1.1 is 440.00000000000006, rounded up to 441 tokens.

loses: p5-money
"""

# %% p5-budget
def budget(plan: dict) -> dict[str, int]:
    import math

    rate = plan["rate"] / 1000
    used = math.ceil(plan["question"] * rate) + math.ceil(plan["answer"] * rate)
    if used > plan["context"]:
        raise ValueError("window too small")
    count = 0
    for article in plan["articles"]:
        if used + math.ceil(article * rate) > plan["context"]:
            break
        used += math.ceil(article * rate)
        count += 1
    dong = used * plan["requests"] * 30 * plan["price"] / 1e6
    return {"articles": count, "tokens": used, "dong": math.ceil(dong / 1000) * 1000}
