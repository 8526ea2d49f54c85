"""The `openai` package asks a council, goes away in the middle, and comes back."""

import sys

import openai

GATEWAY = sys.argv[1]
QUESTION = [{"role": "user", "content": "Design a rate limiter"}]


def ask(stop=None):
    """The name of the session, its thoughts and its text, as far as they were read."""
    # A client of its own, whose connection ends with it.
    client = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key="fk-test-interop", max_retries=0)
    reply = client.chat.completions.with_raw_response.create(model="council", messages=QUESTION, stream=True)
    name, thoughts, text = reply.headers["x-forge-session"], "", ""
    with reply.parse() as stream:
        for chunk in stream:
            for choice in chunk.choices:
                thoughts += getattr(choice.delta, "reasoning_content", None) or ""
                text += choice.delta.content or ""
            if stop and stop in thoughts:
                break
    client.close()
    return name, thoughts, text


first, _, _ = ask("The draft is there.")
second, _, text = ask()
assert first == second, (first, second)
assert "# Design a rate limiter" in text, text
other, thoughts, again = ask()
assert other != first, other
stages = ["The session begins.", "A draft is written.", "critics asked.", "Done: "]
assert all(stage in thoughts for stage in stages), thoughts
assert again == text, again
print(f"openai {openai.__version__}: left after its draft, taken up again, and asked anew")
