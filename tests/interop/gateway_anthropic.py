"""The `anthropic` package at the gateway."""

import functools

import anthropic
from gateway import DONE, GATEWAY, LIMIT, PIXEL, REFUSED, STOPPED, TOOLS, Answer, Call
from support import WEATHER

ENDS = {
    "end_turn": DONE,
    "tool_use": TOOLS,
    "max_tokens": LIMIT,
    "stop_sequence": STOPPED,
    "refusal": REFUSED,
}


@functools.cache
def client(key="fk-test-interop", retries=0):
    return anthropic.Anthropic(
        base_url=GATEWAY, api_key=key, max_retries=retries, _strict_response_validation=True
    )


class Speaker:
    lacks = ()
    errors = {
        "limited": anthropic.RateLimitError,
        "server": anthropic.InternalServerError,
        "overloaded": anthropic.OverloadedError,
        "bad": anthropic.BadRequestError,
        "unknown": anthropic.NotFoundError,
        "gone": anthropic.NotFoundError,
        "broken": anthropic.APIStatusError,
    }

    def __init__(self, beta):
        self.name, self.beta = "beta" if beta else "stable", beta

    def ask(self, model, talk, stream, system=None, tools=False, schema=None, stops=(), limit=2000, think=False, bad=False):
        asked = {"model": model, "max_tokens": limit, "messages": [] if bad else talk}
        if system:
            asked["system"] = system
        if tools:
            asked["tools"] = [{"name": "get_weather", "description": "The weather.", "input_schema": WEATHER}]
        if schema:
            asked["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        if stops:
            asked["stop_sequences"] = stops
        if think:
            asked["thinking"] = {"type": "adaptive", "display": "summarized"}
        messages = client().beta.messages if self.beta else client().messages
        if not stream:
            return answer(messages.create(**asked))
        with messages.stream(**asked) as events:
            kinds = [event.type for event in events]
            assert (kinds[0], kinds[-1]) == ("message_start", "message_stop"), kinds
            return answer(events.get_final_message())

    def user(self, text):
        return {"role": "user", "content": text}

    def system(self, text):
        return {"role": "system", "content": text}

    def picture(self, text):
        source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
        return {"role": "user", "content": [{"type": "image", "source": source}, {"type": "text", "text": text}]}

    def is_full(self, answer):
        """No part of it says nothing."""
        return all(block.text for block in answer.turn if block.type == "text")

    def back(self, answer):
        return [{"role": "assistant", "content": answer.turn}]

    def results(self, results):
        blocks = [{"type": "tool_result", "tool_use_id": call.id, "content": text} for call, text in results]
        return [{"role": "user", "content": blocks}]

    def stopped(self, upstream):
        # Those of the others do not say whether they stopped there.
        return STOPPED if upstream in ("provider:anthropic", "provider:openai") else DONE

    def wait(self, error):
        return float(error.response.headers["retry-after"])

    def says_too_long(self, error):
        return error.type == "invalid_request_error"

    def count(self, model, talk):
        return client().messages.count_tokens(model=model, messages=talk).input_tokens

    def models(self):
        return [model.id for model in client().models.list(limit=1000)]

    def model(self, id):
        return client().models.retrieve(id).id


def answer(reply):
    blocks = lambda kind: [block for block in reply.content if block.type == kind]
    usage = reply.usage
    cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    return Answer(
        text="".join(block.text for block in blocks("text")),
        end=ENDS[reply.stop_reason],
        calls=[Call(block.id, block.name, block.input) for block in blocks("tool_use")],
        thoughts="".join(block.thinking for block in blocks("thinking")),
        tokens=(usage.input_tokens + cached, usage.output_tokens),
        turn=reply.content,
    )


def speakers():
    yield Speaker(beta=False)
    yield Speaker(beta=True)
