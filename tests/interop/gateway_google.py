"""The `google-genai` package at the gateway."""

import base64
import functools

from gateway import DONE, GATEWAY, LIMIT, PIXEL, REFUSED, TOOLS, Answer, Call
from google import genai
from google.genai import errors, types
from support import WEATHER

TOOL = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(name="get_weather", description="The weather.", parameters_json_schema=WEATHER)
    ]
)


@functools.cache
def client(key="fk-test-interop", attempts=1):
    retry = types.HttpRetryOptions(attempts=attempts, initial_delay=0.02, jitter=0)
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=GATEWAY, retry_options=retry))


class Speaker:
    name = "generateContent"
    # The dialect has no turns of the system's.
    lacks = ("system_turn",)
    errors = {
        "limited": errors.ClientError,
        "server": errors.ServerError,
        "overloaded": errors.ServerError,
        "bad": errors.ClientError,
        "unknown": errors.ClientError,
        "gone": errors.ClientError,
        "broken": errors.ServerError,
    }

    def ask(self, model, talk, stream, system=None, tools=False, schema=None, stops=(), limit=None, think=False, bad=False):
        config = {"automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True)}
        if system:
            config["system_instruction"] = system
        if tools:
            config["tools"] = [TOOL]
        if schema:
            config |= {"response_mime_type": "application/json", "response_json_schema": schema}
        if stops:
            config["stop_sequences"] = stops
        if limit:
            config["max_output_tokens"] = limit
        if think:
            config["thinking_config"] = types.ThinkingConfig(include_thoughts=True, thinking_level="high")
        if bad:
            config["candidate_count"] = 3
        asked = {"model": model, "contents": talk, "config": types.GenerateContentConfig(**config)}
        if not stream:
            return answer([client().models.generate_content(**asked)])
        return answer(list(client().models.generate_content_stream(**asked)))

    def user(self, text):
        return types.UserContent(text)

    def picture(self, text):
        return types.UserContent([types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png"), text])

    def is_full(self, answer):
        """No part of it says nothing."""
        return True

    def back(self, answer):
        return [types.ModelContent(answer.turn)]

    def results(self, results):
        parts = []
        for call, text in results:
            part = types.Part.from_function_response(name=call.name, response={"result": text})
            part.function_response.id = call.id
            parts.append(part)
        return [types.UserContent(parts)]

    def stopped(self, upstream):
        return DONE

    def wait(self, error):
        delays = [detail.get("retryDelay") for detail in error.details["error"]["details"]]
        return float(next(filter(None, delays)).removesuffix("s"))

    def says_too_long(self, error):
        return "exceeds the maximum number of tokens" in error.message

    def count(self, model, talk):
        return client().models.count_tokens(model=model, contents=talk).total_tokens

    def models(self):
        return [model.name.removeprefix("models/") for model in client().models.list()]

    def model(self, id):
        return client().models.get(model=id).name.removeprefix("models/")


def answer(replies):
    last = replies[-1]
    if last.prompt_feedback and last.prompt_feedback.block_reason:
        return Answer(text="", end=REFUSED)
    candidates = [candidate for reply in replies for candidate in reply.candidates or []]
    parts = [part for candidate in candidates for part in candidate.content and candidate.content.parts or []]
    calls = [Call(part.function_call.id, part.function_call.name, part.function_call.args) for part in parts if part.function_call]
    ends = {
        types.FinishReason.STOP: TOOLS if calls else DONE,
        types.FinishReason.MAX_TOKENS: LIMIT,
        types.FinishReason.SAFETY: REFUSED,
        types.FinishReason.PROHIBITED_CONTENT: REFUSED,
    }
    text = lambda thought: "".join(part.text or "" for part in parts if bool(part.thought) == thought)
    usage = last.usage_metadata
    assert usage.total_token_count == usage.prompt_token_count + (usage.candidates_token_count or 0) + (
        usage.thoughts_token_count or 0
    ), usage
    return Answer(
        text=text(False),
        end=ends[candidates[-1].finish_reason],
        calls=calls,
        thoughts=text(True),
        tokens=(usage.prompt_token_count, usage.candidates_token_count),
        turn=parts,
    )


def speakers():
    yield Speaker()
