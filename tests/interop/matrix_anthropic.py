"""The `anthropic` package: the stable interface and the one for what is in beta."""

import anthropic
from support import BASE, WEATHER

TOOL = {"name": "get_weather", "description": "The weather.", "input_schema": WEATHER}


class Speaker:
    tools = schemas = looks = True
    embeds = None
    nought = "claude-nought"
    errors = {
        "401": anthropic.AuthenticationError,
        "404": anthropic.NotFoundError,
        "429": anthropic.RateLimitError,
        "400": anthropic.BadRequestError,
    }

    def __init__(self, model, beta):
        self.name = f"{model}, {'beta' if beta else 'stable'}"
        self.model, self.beta = model, beta

    def messages(self, key="fk-test-interop"):
        client = anthropic.Anthropic(
            base_url=f"{BASE}/anthropic", api_key=key, max_retries=0, _strict_response_validation=True
        )
        return client.beta.messages if self.beta else client.messages

    def reply(self, resource, stream, **asked):
        asked = {"model": self.model, "max_tokens": 2000, **asked}
        if not stream:
            return resource.create(**asked)
        with resource.stream(**asked) as events:
            return events.get_final_message()

    def ask(self, text, stream=False, schema=None, key="fk-test-interop", model=None):
        more = {"output_config": {"format": {"type": "json_schema", "schema": schema}}} if schema else {}
        talk = [{"role": "user", "content": text}]
        asked = {"messages": talk, "model": model or self.model, **more}
        return words(self.reply(self.messages(key), stream, **asked))

    def loop(self, text, stream=False):
        talk = [{"role": "user", "content": text}]
        reply = self.reply(self.messages(), stream, messages=talk, tools=[TOOL])
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": "12 degrees"}
            for block in reply.content
            if block.type == "tool_use"
        ]
        talk += [{"role": "assistant", "content": reply.content}, {"role": "user", "content": results}]
        return words(self.reply(self.messages(), stream, messages=talk, tools=[TOOL]))


def words(reply):
    return "".join(block.text for block in reply.content if block.type == "text")


def speakers():
    for model in ["claude-sonnet-5-5", "claude-opus-5", "claude-haiku-4-5"]:
        yield Speaker(model, beta=False)
        yield Speaker(model, beta=True)
