"""The `openai` package at the gateway, in both of its dialects."""

import functools
import json

import openai
from gateway import DONE, GATEWAY, LIMIT, PIXEL, REFUSED, TOOLS, Answer, Call
from support import WEATHER



@functools.cache
def client(key="fk-test-interop", retries=0):
    return openai.OpenAI(
        base_url=f"{GATEWAY}/v1", api_key=key, max_retries=retries, _strict_response_validation=True
    )


class Speaker:
    lacks = ()
    errors = {
        "limited": openai.RateLimitError,
        "server": openai.InternalServerError,
        "overloaded": openai.InternalServerError,
        "bad": openai.BadRequestError,
        "unknown": openai.NotFoundError,
        "gone": openai.NotFoundError,
        "broken": openai.APIError,
    }

    def user(self, text):
        return {"role": "user", "content": text}

    def is_full(self, answer):
        """No part of it says nothing."""
        items = answer.turn if isinstance(answer.turn, list) else []
        return all(part["text"] for item in items if item["type"] == "message" for part in item["content"])

    def system(self, text):
        return {"role": "developer", "content": text}

    def stopped(self, upstream):
        return DONE

    def wait(self, error):
        return float(error.response.headers["retry-after"])

    def says_too_long(self, error):
        return error.code == "context_length_exceeded"

    def models(self):
        return [model.id for model in client().models.list()]

    def model(self, id):
        return client().models.retrieve(id).id


class Chat(Speaker):
    name = "Chat"
    count = None

    def ask(self, model, talk, stream, system=None, tools=False, schema=None, stops=(), limit=None, think=False, bad=False):
        asked = {"model": model, "messages": [] if bad else talk}
        if system:
            asked["messages"] = [{"role": "system", "content": system}, *talk]
        if tools:
            asked["tools"] = [{"type": "function", "function": {"name": "get_weather", "parameters": WEATHER, "strict": True}}]
        if schema:
            form = {"name": "verdict", "schema": schema, "strict": True}
            asked["response_format"] = {"type": "json_schema", "json_schema": form}
        if stops:
            asked["stop"] = stops
        if limit:
            asked["max_completion_tokens"] = limit
        if think:
            asked["reasoning_effort"] = "high"
        completions = client().chat.completions
        if not stream:
            return self.answer(completions.create(**asked))
        thoughts, counted = "", None
        chunks = completions.create(**asked, stream=True, stream_options={"include_usage": True})
        snapshots = openai.lib.streaming.chat.ChatCompletionStreamState()
        for chunk in chunks:
            snapshots.handle_chunk(chunk)
            for choice in chunk.choices:
                thoughts += getattr(choice.delta, "reasoning_content", None) or ""
            assert counted is None, "the tokens come last"
            counted = chunk.usage
        # The snapshot, because a limit that is reached is an exception to the last step of the package.
        return self.answer(snapshots.current_completion_snapshot, thoughts, counted)

    def answer(self, reply, thoughts=None, usage=None):
        [choice] = reply.choices
        message, usage = choice.message, usage or reply.usage
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage
        ends = {"stop": DONE, "length": LIMIT, "tool_calls": TOOLS, "content_filter": REFUSED}
        turn = message.model_dump(exclude_none=True, exclude={"parsed"})
        for call in turn.get("tool_calls", []):
            call["function"].pop("parsed_arguments", None)
            call.pop("index", None)
        return Answer(
            text=message.content or "",
            end=REFUSED if message.refusal else ends[choice.finish_reason],
            calls=[
                Call(call.id, call.function.name, json.loads(call.function.arguments))
                for call in message.tool_calls or []
            ],
            thoughts=thoughts or getattr(message, "reasoning_content", None) or "",
            tokens=(usage.prompt_tokens, usage.completion_tokens),
            turn=turn,
        )

    def back(self, answer):
        return [answer.turn]

    def results(self, results):
        return [{"role": "tool", "tool_call_id": call.id, "content": text} for call, text in results]

    def picture(self, text):
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
        return {"role": "user", "content": [picture, {"type": "text", "text": text}]}


class Responses(Speaker):
    name = "Responses"
    # The dialect has no stop sequences.
    lacks = ("stop_sequence",)
    errors = {**Speaker.errors, "unknown": openai.BadRequestError}

    def ask(self, model, talk, stream, system=None, tools=False, schema=None, limit=None, think=False, bad=False):
        # A word for a choice that the dialect does not have.
        asked = {"model": model, "input": talk, "store": False, **({"tool_choice": "perhaps"} if bad else {})}
        if system:
            asked["instructions"] = system
        if tools:
            asked["tools"] = [{"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}]
        if schema:
            asked["text"] = {"format": {"type": "json_schema", "name": "verdict", "schema": schema, "strict": True}}
        if limit:
            asked["max_output_tokens"] = limit
        if think:
            asked["reasoning"] = {"effort": "high", "summary": "auto"}
            asked["include"] = ["reasoning.encrypted_content"]
        responses = client().responses
        if not stream:
            return self.answer(responses.create(**asked))
        with responses.stream(**asked) as stream:
            events = list(stream)
            # The package knows no end but the good one.
            last = events[-1]
            reply = last.response if last.type == "response.incomplete" else stream.get_final_response()
        assert [event.sequence_number for event in events] == list(range(len(events))), "a number is missing"
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        assert text == reply.output_text, (text, reply.output_text)
        return self.answer(reply)

    def answer(self, reply):
        items = lambda kind: [item for item in reply.output if item.type == kind]
        parts = [part for item in items("message") for part in item.content]
        calls = [Call(item.call_id, item.name, json.loads(item.arguments)) for item in items("function_call")]
        usage = reply.usage
        assert usage.total_tokens == usage.input_tokens + usage.output_tokens, usage
        because = reply.incomplete_details and reply.incomplete_details.reason
        if any(part.type == "refusal" for part in parts) or because == "content_filter":
            end = REFUSED
        elif because:
            end = {"max_output_tokens": LIMIT}[because]
        else:
            end = TOOLS if calls else {"completed": DONE}[reply.status]
        return Answer(
            text=reply.output_text,
            end=end,
            calls=calls,
            thoughts="".join(part.text for item in items("reasoning") for part in item.summary),
            tokens=(usage.input_tokens, usage.output_tokens),
            turn=[
                item.model_dump(exclude_none=True, exclude={"parsed_arguments": True, "content": {"__all__": {"parsed"}}})
                for item in reply.output
            ],
        )

    def back(self, answer):
        return answer.turn

    def results(self, results):
        return [
            {"type": "function_call_output", "call_id": call.id, "output": text} for call, text in results
        ]

    def picture(self, text):
        picture = {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{PIXEL}"}
        return {"role": "user", "content": [picture, {"type": "input_text", "text": text}]}

    def count(self, model, talk):
        return client().responses.input_tokens.count(model=model, input=talk).input_tokens


def speakers():
    yield Chat()
    yield Responses()
