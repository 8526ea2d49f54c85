"""What the official `google-genai` package makes of the simulator."""

import functools
import unittest
from typing import Literal

from google import genai
from google.genai import errors, types
from pydantic import BaseModel
from support import BASE, WEATHER, scenario

MODEL = "gemini-3.8-flash"


class Verdict(BaseModel):
    grade: Literal["good", "bad"]
    reason: str
    score: int


@functools.cache
def client(key="AIza-test-interop", attempts=1):
    """Its types forbid fields that they do not describe. It closes with its last reference."""
    retry = types.HttpRetryOptions(attempts=attempts, initial_delay=0.02, jitter=0)
    return genai.Client(
        api_key=key, http_options=types.HttpOptions(base_url=BASE + "/google", retry_options=retry)
    )


def ask(contents, config=None, model=MODEL):
    return client().models.generate_content(model=model, contents=contents, config=config)


def stream(contents, config=None):
    return client().models.generate_content_stream(model=MODEL, contents=contents, config=config)


TOOLS = types.GenerateContentConfig(
    tools=[
        types.Tool(
            function_declarations=[
                types.FunctionDeclaration(
                    name="get_weather", description="The weather.", parameters_json_schema=WEATHER
                )
            ]
        )
    ]
)


class Contents(unittest.TestCase):
    def test_a_whole_reply(self):
        reply = ask("Hello")
        self.assertIn("Simulated", reply.text)
        self.assertEqual(reply.candidates[0].finish_reason, types.FinishReason.STOP)
        usage = reply.usage_metadata
        parts = [usage.prompt_token_count, usage.candidates_token_count, usage.thoughts_token_count or 0]
        self.assertEqual(sum(parts), usage.total_token_count)
        self.assertEqual(reply.model_version, MODEL)

    def test_a_stream_gives_the_whole_reply(self):
        chunks = list(stream("Hello"))
        whole = ask("Hello")
        self.assertEqual("".join(chunk.text or "" for chunk in chunks), whole.text)
        self.assertEqual(chunks[-1].candidates[0].finish_reason, types.FinishReason.STOP)
        self.assertEqual(chunks[-1].usage_metadata, whole.usage_metadata)

    def test_a_tool_makes_a_round_trip(self):
        talk = [types.UserContent("Call get_weather for Oslo.")]
        reply = ask(talk, TOOLS)
        [call] = reply.function_calls
        self.assertEqual(call.name, "get_weather")
        self.assertIn("city", call.args)
        streamed = [c for chunk in stream(talk, TOOLS) for c in chunk.function_calls or []]
        self.assertEqual([c.args for c in streamed], [call.args])
        answer = types.Part.from_function_response(name=call.name, response={"result": "12 degrees"})
        answer.function_response.id = call.id
        talk += [reply.candidates[0].content, types.UserContent(answer)]
        self.assertIn("12 degrees", ask(talk, TOOLS).text)
        for part in talk[1].parts:
            part.thought_signature = None
        with self.assertRaises(errors.ClientError) as caught:
            ask(talk, TOOLS)
        self.assertEqual(caught.exception.code, 400)

    def test_the_sdk_calls_a_function_by_itself(self):
        def get_weather(city: str) -> str:
            """The weather."""
            return f"12 degrees in {city}"

        reply = ask("Call get_weather for Oslo.", types.GenerateContentConfig(tools=[get_weather]))
        self.assertIn("12 degrees", reply.text)
        self.assertEqual(len(reply.automatic_function_calling_history), 3)

    def test_a_chat_keeps_its_signatures(self):
        chat = client().chats.create(model=MODEL)
        for text in ["Hello", "And then?"]:
            self.assertTrue("".join(chunk.text or "" for chunk in chat.send_message_stream(text)))
        self.assertIn("Simulated", chat.send_message("Go on.").text)

    def test_thinking_is_a_part_of_its_own(self):
        config = types.GenerateContentConfig(
            thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_level="high")
        )
        reply = ask("Think hard.", config)
        self.assertTrue(reply.candidates[0].content.parts[0].thought)
        self.assertGreater(reply.usage_metadata.thoughts_token_count, 0)

    def test_structured_output_is_parsed(self):
        config = types.GenerateContentConfig(
            response_mime_type="application/json", response_schema=Verdict
        )
        self.assertIsInstance(ask("Grade this.", config).parsed, Verdict)
        config = types.GenerateContentConfig(
            response_mime_type="application/json", response_json_schema=Verdict.model_json_schema()
        )
        self.assertEqual(set(ask("Grade this.", config).parsed), {"grade", "reason", "score"})

    def test_every_reason_to_stop_is_known(self):
        limit = types.GenerateContentConfig(max_output_tokens=3)
        self.assertEqual(ask("Hello", limit).candidates[0].finish_reason, types.FinishReason.MAX_TOKENS)
        reason = lambda text: ask(text).candidates[0].finish_reason
        self.assertEqual(reason("[[sim:safety]]"), types.FinishReason.SAFETY)
        self.assertEqual(reason("[[sim:malformed-call]]"), types.FinishReason.MALFORMED_FUNCTION_CALL)
        blocked = ask("[[sim:blocked]]")
        self.assertIsNone(blocked.candidates)
        self.assertIsInstance(blocked.prompt_feedback.block_reason, types.BlockedReason)

    def test_tokens_are_counted(self):
        counted = client().models.count_tokens(model=MODEL, contents="Hello there")
        self.assertEqual(counted.total_tokens, ask("Hello there").usage_metadata.prompt_token_count)


class Faults(unittest.TestCase):
    def refused(self, kind, text="Hello", key="AIza-test-interop", model=MODEL, config=None):
        with self.assertRaises(kind) as caught:
            client(key).models.generate_content(model=model, contents=text, config=config)
        return caught.exception

    def test_each_refusal_is_the_exception_of_its_status(self):
        limited = self.refused(errors.ClientError, "[[sim:rate-limited=7]]")
        self.assertEqual((limited.code, limited.status), (429, "RESOURCE_EXHAUSTED"))
        delays = [detail.get("retryDelay") for detail in limited.details["error"]["details"]]
        self.assertIn("7s", delays)
        overloaded = self.refused(errors.ServerError, "[[sim:overloaded]]")
        self.assertEqual((overloaded.code, overloaded.status), (503, "UNAVAILABLE"))
        self.assertEqual(self.refused(errors.ServerError, "[[sim:server-error]]").code, 500)
        wrong_key = self.refused(errors.ClientError, key="AIza-invalid")
        self.assertEqual((wrong_key.code, wrong_key.status), (400, "INVALID_ARGUMENT"))
        unknown = self.refused(errors.ClientError, model="gemini-nought")
        self.assertEqual((unknown.code, unknown.status), (404, "NOT_FOUND"))
        bad = types.GenerateContentConfig(max_output_tokens=-5)
        self.assertEqual(self.refused(errors.ClientError, config=bad).status, "INVALID_ARGUMENT")

    def test_an_error_within_a_stream_is_raised(self):
        with self.assertRaises(errors.APIError) as caught:
            list(stream("[[sim:stream-error=2]]"))
        self.assertEqual(caught.exception.code, 503)

    def test_the_sdk_comes_back_after_an_error(self):
        with scenario("rules: [{ nth: 1, error: { kind: overloaded } }]"):
            reply = client(attempts=2).models.generate_content(model=MODEL, contents="Hello")
        self.assertIn("Simulated", reply.text)

    def test_models_are_listed_page_by_page_and_looked_up(self):
        models = list(client().models.list(config={"page_size": 5}))
        self.assertGreater(len(models), 5)
        self.assertEqual(len({model.name for model in models}), len(models))
        model = client().models.get(model=MODEL)
        self.assertEqual(model.name, "models/" + MODEL)
        self.assertGreater(model.input_token_limit, 0)
        with self.assertRaises(errors.ClientError):
            client().models.get(model="gemini-nought")


if __name__ == "__main__":
    unittest.main()
