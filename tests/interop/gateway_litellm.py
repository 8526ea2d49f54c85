"""`litellm` at the gateway: it writes each of the dialects in its own way, for any vendor behind it."""

import json

from gateway import DONE, GATEWAY, LIMIT, PIXEL, REFUSED, TOOLS, Answer, Call
from matrix_litellm import ERRORS, exceptions, litellm
from support import WEATHER

TOOL = {"type": "function", "function": {"name": "get_weather", "description": "w", "parameters": WEATHER}}
ENDS = {"stop": DONE, "length": LIMIT, "tool_calls": TOOLS, "content_filter": REFUSED}


# It has a class for each status, in the middle of a stream one of its own, and other ones in each dialect.
SERVER = (
    exceptions.InternalServerError,
    exceptions.BadGatewayError,
    exceptions.ServiceUnavailableError,
    exceptions.APIConnectionError,
    exceptions.MidStreamFallbackError,
)


class Speaker:
    count = None
    errors = {
        "limited": ERRORS["429"],
        "server": SERVER,
        "overloaded": SERVER,
        "bad": ERRORS["400"],
        "unknown": ERRORS["404"],
        "broken": SERVER,
    }

    def __init__(self, name, path, *lacks):
        self.name, self.path, self.lacks = name, path, ("models", *lacks)

    def ask(self, model, talk, stream, system=None, tools=False, schema=None, stops=(), limit=None, think=False):
        more = {}
        if system:
            talk = [{"role": "system", "content": system}, *talk]
        if tools:
            more["tools"] = [TOOL]
        if schema:
            form = {"name": "verdict", "schema": schema, "strict": True}
            more["response_format"] = {"type": "json_schema", "json_schema": form}
        if stops:
            more["stop"] = stops
        if limit:
            more["max_tokens"] = limit
        if think:
            more["reasoning_effort"] = "high"
        reply = litellm.completion(
            model=f"{self.name}/{model}",
            messages=talk,
            api_base=f"{GATEWAY}{self.path}",
            api_key="fk-test-interop",
            stream=stream,
            stream_options={"include_usage": True} if stream else None,
            max_retries=0,
            num_retries=0,
            timeout=30,
            allowed_openai_params=["reasoning_effort", "response_format", "tools"],
            **more,
        )
        if stream:
            reply = litellm.stream_chunk_builder(list(reply), messages=talk)
        [choice] = reply.choices
        message = choice.message
        return Answer(
            text=message.content or "",
            end=ENDS[choice.finish_reason],
            calls=[Call(call.id, call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []],
            thoughts=getattr(message, "reasoning_content", None) or "",
            tokens=(reply.usage.prompt_tokens, reply.usage.completion_tokens),
            turn=message.model_dump(exclude_none=True),
        )

    def user(self, text):
        return {"role": "user", "content": text}

    def system(self, text):
        return {"role": "system", "content": text}

    def picture(self, text):
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
        return {"role": "user", "content": [picture, {"type": "text", "text": text}]}

    def is_full(self, answer):
        """No part of it says nothing."""
        return bool(answer.text)

    def back(self, answer):
        return [answer.turn]

    def results(self, results):
        return [
            {"role": "tool", "tool_call_id": call.id, "name": call.name, "content": text} for call, text in results
        ]

    def stopped(self, upstream):
        return DONE


# Differences that are right, each with its reason: its exceptions do not say how long to wait; which thoughts are asked for
# is its own choice; what is no request it tells from the names of models that it knows.
LEFT = ("rate_limited", "thinking", "tools_and_thoughts", "too_long", "bad_request", "system_turn")
# Of models that it does not know it believes that they take no schemas.
SCHEMA = "schema"
# It drops the words of a refusal, and with them all that tells it from an answer.
REFUSAL = "refusal"


def speakers():
    yield Speaker("openai", "/v1", *LEFT, REFUSAL)
    yield Speaker("anthropic", "", *LEFT, SCHEMA)
    yield Speaker("gemini", "/v1beta", *LEFT, SCHEMA)
