"""The `google-genai` package."""

from google import genai
from google.genai import errors, types
from support import BASE, WEATHER

TOOL = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(name="get_weather", description="The weather.", parameters_json_schema=WEATHER)
    ]
)


class Speaker:
    tools = schemas = looks = True
    embeds = "gemini-embedding-001"
    nought = "gemini-nought"
    errors = dict.fromkeys(["401", "404", "429", "400"], errors.ClientError)

    def __init__(self, model):
        self.name = self.model = model

    def generate(self, contents, stream, key="fk-test-interop", model=None, **config):
        options = types.HttpOptions(
            base_url=f"{BASE}/google", retry_options=types.HttpRetryOptions(attempts=1)
        )
        # The client closes its connections with its last reference.
        with genai.Client(api_key=key, http_options=options) as client:
            asked = {
                "model": model or self.model,
                "contents": contents,
                "config": types.GenerateContentConfig(**config),
            }
            if not stream:
                return [client.models.generate_content(**asked)]
            return list(client.models.generate_content_stream(**asked))

    def ask(self, text, stream=False, schema=None, **where):
        config = {"response_mime_type": "application/json", "response_json_schema": schema} if schema else {}
        return "".join(reply.text or "" for reply in self.generate(text, stream, **where, **config))

    def loop(self, text, stream=False):
        talk = [types.UserContent(text)]
        replies = self.generate(talk, stream, tools=[TOOL])
        parts = [part for reply in replies for part in reply.candidates[0].content.parts or []]
        talk.append(types.ModelContent(parts))
        results = []
        for call in (part.function_call for part in parts if part.function_call):
            result = types.Part.from_function_response(name=call.name, response={"result": "12 degrees"})
            result.function_response.id = call.id
            results.append(result)
        talk.append(types.UserContent(results))
        return "".join(reply.text or "" for reply in self.generate(talk, stream, tools=[TOOL]))

    def embed(self, texts):
        options = types.HttpOptions(base_url=f"{BASE}/google")
        with genai.Client(api_key="fk-test", http_options=options) as client:
            found = client.models.embed_content(model=self.embeds, contents=texts).embeddings
        assert [len(embedding.values) for embedding in found] == [3072] * len(texts)


def speakers():
    for model in ["gemini-3.8-flash", "gemini-4-argon", "gemini-2.5-flash"]:
        yield Speaker(model)
