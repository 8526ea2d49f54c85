"""`litellm`, which translates one form of calls into the dialects of many vendors."""

import os

# Everything that it would fetch from elsewhere comes from its own folder.
os.environ.update(
    LITELLM_LOCAL_MODEL_COST_MAP="True",
    LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS="True",
    LITELLM_LOCAL_BLOG_POSTS="True",
    HF_HUB_OFFLINE="1",
)

import logging

import litellm
from litellm import exceptions
from support import BASE, WEATHER

logging.disable(logging.WARNING)
litellm.suppress_debug_info = True
litellm.telemetry = False
litellm.disable_hf_tokenizer_download = True

TOOL = {"type": "function", "function": {"name": "get_weather", "description": "w", "parameters": WEATHER}}
BAD = exceptions.BadRequestError
ERRORS = {
    "401": exceptions.AuthenticationError,
    "404": exceptions.NotFoundError,
    "429": exceptions.RateLimitError,
    "400": BAD,
}


class Speaker:
    tools = schemas = looks = True
    embeds = None
    sheds = ()

    def __init__(self, model, path, errors=(), nought=None, **habits):
        self.name = self.model = model
        self.path = path
        self.nought = nought or model.split("/")[0] + "/nought"
        self.errors = {**ERRORS, **dict(errors)}
        vars(self).update(habits)

    def complete(self, messages, stream, key="fk-test-interop", model=None, **more):
        reply = litellm.completion(
            model=model or self.model,
            messages=messages,
            api_base=f"{BASE}/{self.path}",
            api_key=key,
            stream=stream,
            max_retries=0,
            num_retries=0,
            timeout=30,
            **more,
        )
        if stream:
            reply = litellm.stream_chunk_builder(list(reply), messages=messages)
        return reply.choices[0].message

    def ask(self, text, stream=False, schema=None, **where):
        more = {}
        if schema:
            form = {"name": "verdict", "schema": schema, "strict": True}
            more["response_format"] = {"type": "json_schema", "json_schema": form}
        return self.complete([{"role": "user", "content": text}], stream, **where, **more).content or ""

    def loop(self, text, stream=False):
        talk = [{"role": "user", "content": text}]
        message = self.complete(talk, stream, tools=[TOOL])
        talk.append(message.model_dump(exclude_none=True, exclude=set(self.sheds)))
        talk += [
            {"role": "tool", "tool_call_id": call.id, "name": "get_weather", "content": "12 degrees"}
            for call in message.tool_calls
        ]
        return self.complete(talk, stream, tools=[TOOL]).content or ""

    def embed(self, texts):
        where = {"api_base": f"{BASE}/{self.path}", "api_key": "fk-test"}
        assert len(litellm.embedding(model=self.embeds, input=texts, **where).data) == len(texts)


LOCAL = {"looks": False}
OBJECT = {"schemas": False}


def speakers():
    yield Speaker("openai/gpt-4o", "openai/v1", embeds="openai/text-embedding-3-small")
    responses = "openai/responses/"
    yield Speaker(responses + "gpt-6.2-sol", "openai/v1", nought=responses + "nought")
    yield Speaker("anthropic/claude-sonnet-5-5", "anthropic")
    yield Speaker("anthropic/claude-haiku-4-5", "anthropic")
    yield Speaker("gemini/gemini-3.8-flash", "google/v1beta")
    yield Speaker("deepseek/deepseek-v4-pro", "deepseek", errors={"404": BAD}, **OBJECT)
    yield Speaker("mistral/mistral-large-latest", "mistral/v1", errors={"404": BAD})
    yield Speaker("mistral/magistral-medium-latest", "mistral/v1", errors={"404": BAD})
    yield Speaker("groq/llama-3.3-70b-versatile", "groq/openai/v1")
    yield Speaker("groq/openai/gpt-oss-120b", "groq/openai/v1")
    yield Speaker("xai/grok-4.5", "xai/v1", errors={"401": BAD})
    yield Speaker("openrouter/anthropic/claude-sonnet-5.5", "openrouter/api/v1", errors={"404": BAD})
    yield Speaker("ollama_chat/qwen3", "ollama", **LOCAL)
    yield Speaker("ollama/qwen3", "ollama", embeds="ollama/nomic-embed-text", tools=False, **LOCAL)
    yield Speaker("hosted_vllm/qwen3", "vllm/v1", **LOCAL)
    yield Speaker("lm_studio/qwen3", "lmstudio/v1", **LOCAL)
    yield Speaker("llamafile/qwen3", "llamacpp/v1", **LOCAL)
    yield Speaker("cerebras/gpt-oss-120b", "cerebras/v1", sheds=("reasoning_content",))
    yield Speaker("perplexity/sonar-reasoning-pro", "perplexity", errors={"404": BAD}, tools=False)
    yield Speaker("together_ai/deepseek-ai/DeepSeek-V4", "together/v1")
    yield Speaker("moonshot/kimi-k3", "moonshot/v1")
    yield Speaker("minimax/MiniMax-M3", "minimax/v1", errors={"404": BAD})
    yield Speaker("zai/glm-5.2", "zai/api/paas/v4", errors={"404": BAD}, **OBJECT)
    yield Speaker("dashscope/qwen3.5-plus", "dashscope/compatible-mode/v1")
