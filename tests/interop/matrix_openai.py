"""The `openai` package at OpenAI, at local servers and at the vendors that speak its dialects."""

import openai
from support import BASE, WEATHER

ERRORS = {
    "401": openai.AuthenticationError,
    "404": openai.NotFoundError,
    "429": openai.RateLimitError,
    "400": openai.BadRequestError,
}


class Speaker:
    tools = schemas = looks = True
    embeds = None
    nought = "nought"

    def __init__(self, path, model, strict=True, errors=(), **habits):
        self.name = f"{self.dialect} at {path}"
        self.path, self.model, self.strict = path, model, strict
        self.errors = {**ERRORS, **dict(errors)}
        vars(self).update(habits)

    def client(self, key="fk-test-interop"):
        return openai.OpenAI(
            base_url=f"{BASE}/{self.path}", api_key=key, max_retries=0, _strict_response_validation=self.strict
        )

    def embed(self, texts):
        # The package checks the types before it unpacks the numbers, so that its strict mode wants them plain.
        plain = self.client().embeddings.create(model=self.embeds, input=texts, encoding_format="float").data
        packed = openai.OpenAI(base_url=f"{BASE}/{self.path}", api_key="fk-test", max_retries=0).embeddings
        packed = packed.create(model=self.embeds, input=texts).data
        for one, other in zip(plain, packed, strict=True):
            assert max(abs(a - b) for a, b in zip(one.embedding, other.embedding, strict=True)) < 1e-6


class Chat(Speaker):
    dialect = "Chat"
    # Some servers refuse their own thoughts, or a client's, in a turn that comes back.
    sheds = ()
    # `json_object` where there are no schemas.
    format = "json_schema"

    def ask(self, text, stream=False, schema=None, key="fk-test-interop", model=None):
        more = {}
        if schema and self.format == "json_schema":
            more["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "verdict", "schema": schema, "strict": True},
            }
        talk = [{"role": "user", "content": text}]
        create = self.client(key).chat.completions.create
        reply = create(model=model or self.model, messages=talk, stream=stream, **more)
        if not stream:
            return text_of(reply.choices[0].message.content)
        return "".join(text_of(chunk.choices[0].delta.content) for chunk in reply if chunk.choices)

    def loop(self, text, stream=False):
        tool = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}
        talk = [{"role": "user", "content": text}]
        completions = self.client().chat.completions
        if stream:
            with completions.stream(model=self.model, messages=talk, tools=[tool]) as events:
                message = events.get_final_completion().choices[0].message
        else:
            message = completions.create(model=self.model, messages=talk, tools=[tool]).choices[0].message
        turn = message.model_dump(exclude_none=True, exclude={"parsed", *self.sheds})
        for call in turn["tool_calls"]:
            call["function"].pop("parsed_arguments", None)
            call.pop("index", None)
        talk.append(turn)
        talk += [
            {"role": "tool", "tool_call_id": call.id, "content": "12 degrees"} for call in message.tool_calls
        ]
        return text_of(completions.create(model=self.model, messages=talk, tools=[tool]).choices[0].message.content)


def text_of(content):
    """Mistral's thinking models answer with a list of chunks."""
    if isinstance(content, list):
        return "".join(chunk.get("text", "") for chunk in content if isinstance(chunk, dict))
    return content or ""


class Responses(Speaker):
    dialect = "Responses"

    def ask(self, text, stream=False, schema=None, key="fk-test-interop", model=None):
        more = {}
        if schema:
            more["text"] = {"format": {"type": "json_schema", "name": "verdict", "schema": schema, "strict": True}}
        responses, asked = self.client(key).responses, {"model": model or self.model, "input": text, **more}
        if not stream:
            return responses.create(**asked).output_text
        with responses.stream(**asked) as events:
            text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
            assert events.get_final_response().output_text == text
        return text

    def loop(self, text, stream=False):
        tool = {"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}
        responses, talk = self.client().responses, [{"role": "user", "content": text}]
        if stream:
            with responses.stream(model=self.model, input=talk, tools=[tool]) as events:
                events.until_done()
                reply = events.get_final_response()
        else:
            reply = responses.create(model=self.model, input=talk, tools=[tool])
        for item in reply.output:
            talk.append(item.model_dump(exclude_none=True, exclude={"parsed_arguments"}))
            if item.type == "function_call":
                talk.append({"type": "function_call_output", "call_id": item.call_id, "output": "12 degrees"})
        talk.sort(key=lambda item: item.get("type") == "function_call_output")
        return responses.create(model=self.model, input=talk, tools=[tool]).output_text


BAD = openai.BadRequestError
OBJECT = {"schemas": False}
LOCAL = {"looks": False, "strict": False, "embeds": "nomic-embed-text"}


def speakers():
    yield Responses("openai/v1", "gpt-6.2-sol", errors={"404": BAD}, embeds="text-embedding-3-small")
    yield Responses("openai/v1", "gpt-4o", errors={"404": BAD})
    yield Chat("openai/v1", "gpt-4o", embeds="text-embedding-3-large")
    yield Chat("openai/v1", "gpt-4.1-mini")
    for server in ["ollama", "llamacpp", "vllm", "lmstudio"]:
        yield Chat(f"{server}/v1", "qwen3", **LOCAL)
        yield Responses(f"{server}/v1", "qwen3", **LOCAL)
    yield Chat("deepseek/v1", "deepseek-v4-pro", errors={"404": BAD}, **OBJECT)
    yield Chat("deepseek", "deepseek-chat", errors={"404": BAD}, **OBJECT)
    yield Chat("mistral/v1", "mistral-large-latest", errors={"404": BAD}, embeds="mistral-embed")
    yield Chat("mistral/v1", "magistral-medium-latest", errors={"404": BAD}, strict=False)
    yield Chat("groq/openai/v1", "llama-3.3-70b-versatile", strict=False)
    yield Chat("groq/v1", "openai/gpt-oss-120b", strict=False)
    yield Chat("xai/v1", "grok-4.5", errors={"401": BAD})
    yield Chat("openrouter/api/v1", "anthropic/claude-sonnet-5.5", errors={"404": BAD})
    yield Chat("moonshot/v1", "kimi-k3")
    yield Chat("cerebras/v1", "gpt-oss-120b", sheds=("reasoning_content", "reasoning"))
    yield Chat("together/v1", "deepseek-ai/DeepSeek-V4")
    yield Chat("zai/v1", "glm-5.2", errors={"404": BAD}, **OBJECT)
    yield Chat("minimax/v1", "MiniMax-M3", errors={"404": BAD})
    yield Chat("dashscope/compatible-mode/v1", "qwen3.5-plus")
