"""What the official `openai` package makes of the simulator."""

import json
import unittest
from typing import Literal

import openai
from pydantic import BaseModel
from support import BASE, WEATHER, scenario

RESPONSES = "gpt-6.2-sol"
CHAT = "gpt-4o"


class Verdict(BaseModel):
    grade: Literal["good", "bad"]
    reason: str
    score: int


def client(key="sk-test-interop", vendor="openai", retries=0):
    """One that refuses every reply that its own types do not describe."""
    return openai.OpenAI(
        base_url=f"{BASE}/{vendor}/v1", api_key=key, max_retries=retries, _strict_response_validation=True
    )


class Responses(unittest.TestCase):
    def test_a_whole_reply(self):
        reply = client().responses.create(model=RESPONSES, input="Hello", store=False)
        self.assertEqual(reply.status, "completed")
        self.assertIn("Simulated", reply.output_text)
        self.assertIsNone(reply.error)
        usage = reply.usage
        self.assertEqual(usage.input_tokens + usage.output_tokens, usage.total_tokens)
        self.assertGreater(usage.output_tokens, usage.output_tokens_details.reasoning_tokens)
        self.assertEqual(usage.input_tokens_details.cached_tokens, 0)

    def test_a_stream_gives_the_whole_reply(self):
        with client().responses.stream(model=RESPONSES, input="Hello", store=False) as stream:
            events = list(stream)
            final = stream.get_final_response()
        kinds = [event.type for event in events]
        self.assertEqual(kinds[0], "response.created")
        self.assertEqual(kinds[-1], "response.completed")
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        self.assertEqual(text, final.output_text)
        numbers = [event.sequence_number for event in events]
        self.assertEqual(numbers, list(range(len(numbers))))
        whole = client().responses.create(model=RESPONSES, input="Hello", store=False)
        self.assertEqual(whole.output_text, final.output_text)
        self.assertEqual(whole.usage, final.usage)

    def test_a_tool_makes_a_round_trip(self):
        tool = {"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}
        talk = [{"role": "user", "content": "Call get_weather twice, for Oslo and for Rome."}]
        ask = lambda: client().responses.create(
            model=RESPONSES, input=talk, tools=[tool], store=False, include=["reasoning.encrypted_content"]
        )
        reply = ask()
        calls = [item for item in reply.output if item.type == "function_call"]
        self.assertEqual([call.name for call in calls], ["get_weather"] * 2)
        self.assertTrue(all("city" in json.loads(call.arguments) for call in calls))
        talk += reply.output
        talk += [
            {"type": "function_call_output", "call_id": call.call_id, "output": "12 degrees"} for call in calls
        ]
        self.assertIn("12 degrees", ask().output_text)
        talk[-1]["call_id"] = "call_unknown"
        with self.assertRaises(openai.BadRequestError):
            ask()

    def test_a_streamed_tool_call_is_the_whole_one(self):
        tool = {"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}
        asked = dict(model=RESPONSES, input="Call get_weather for Oslo.", tools=[tool], store=False)
        with client().responses.stream(**asked) as stream:
            streamed = stream.get_final_response()
        whole = client().responses.create(**asked)
        of = lambda reply: [(i.name, i.arguments) for i in reply.output if i.type == "function_call"]
        self.assertEqual(of(streamed), of(whole))
        self.assertEqual(len(of(whole)), 1)

    def test_structured_output_is_parsed(self):
        reply = client().responses.parse(
            model=RESPONSES, input="Grade this.", text_format=Verdict, store=False
        )
        self.assertIsInstance(reply.output_parsed, Verdict)
        with client().responses.stream(
            model=RESPONSES, input="Grade this.", text_format=Verdict, store=False
        ) as stream:
            self.assertEqual(stream.get_final_response().output_parsed, reply.output_parsed)

    def test_a_token_limit_leaves_the_reply_incomplete(self):
        reply = client().responses.create(model=RESPONSES, input="Hello", max_output_tokens=16, store=False)
        self.assertEqual(reply.status, "incomplete")
        self.assertEqual(reply.incomplete_details.reason, "max_output_tokens")

    def test_thinking_and_refusal_are_items_of_their_own(self):
        reasoning = {"effort": "high", "summary": "auto"}
        reply = client().responses.create(
            model=RESPONSES, input="Think hard.", reasoning=reasoning, store=False
        )
        self.assertEqual([item.type for item in reply.output], ["reasoning", "message"])
        self.assertTrue(reply.output[0].summary)
        refused = client().responses.create(model=RESPONSES, input="[[sim:refusal]]", store=False)
        self.assertEqual(refused.output[-1].content[0].type, "refusal")

    def test_tokens_are_counted(self):
        counted = client().responses.input_tokens.count(model=RESPONSES, input="Hello there")
        reply = client().responses.create(model=RESPONSES, input="Hello there", store=False)
        self.assertEqual(counted.input_tokens, reply.usage.input_tokens)

    def test_what_is_kept_is_read_continued_and_deleted(self):
        kept = client().responses.create(model=RESPONSES, input="Hello")
        self.assertEqual(client().responses.retrieve(kept.id), kept)
        [item] = client().responses.input_items.list(kept.id)
        self.assertEqual(item.content[0].text, "Hello")
        more = dict(model=RESPONSES, input="And then?", previous_response_id=kept.id)
        self.assertEqual(client().responses.create(**more).previous_response_id, kept.id)
        client().responses.delete(kept.id)
        with self.assertRaises(openai.NotFoundError):
            client().responses.retrieve(kept.id)
        with self.assertRaises(openai.BadRequestError):
            client().responses.create(**more)

    def test_an_error_within_a_stream_is_raised(self):
        with self.assertRaises(openai.APIError):
            for _ in client().responses.create(
                model=RESPONSES, input="[[sim:stream-error=2]]", store=False, stream=True
            ):
                pass


class Chat(unittest.TestCase):
    def ask(self, text, **more):
        return client().chat.completions.create(
            model=CHAT, messages=[{"role": "user", "content": text}], **more
        )

    def test_a_whole_reply(self):
        reply = self.ask("Hello")
        choice = reply.choices[0]
        self.assertEqual(choice.finish_reason, "stop")
        self.assertIn("Simulated", choice.message.content)
        usage = reply.usage
        self.assertEqual(usage.prompt_tokens + usage.completion_tokens, usage.total_tokens)

    def test_a_stream_gives_the_whole_reply(self):
        chunks = list(self.ask("Hello", stream=True, stream_options={"include_usage": True}))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        whole = self.ask("Hello")
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(chunks[-1].usage, whole.usage)
        self.assertEqual([chunk.usage for chunk in chunks[:-1]], [None] * (len(chunks) - 1))
        with client().chat.completions.stream(
            model=CHAT, messages=[{"role": "user", "content": "Hello"}]
        ) as stream:
            self.assertEqual(stream.get_final_completion().choices[0].message.content, text)

    def test_a_tool_makes_a_round_trip(self):
        tool = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER, "strict": True}}
        talk = [{"role": "user", "content": "Call get_weather for Oslo."}]
        ask = lambda: client().chat.completions.create(model=CHAT, messages=talk, tools=[tool])
        reply = ask().choices[0]
        self.assertEqual(reply.finish_reason, "tool_calls")
        [call] = reply.message.tool_calls
        self.assertIn("city", json.loads(call.function.arguments))
        with client().chat.completions.stream(model=CHAT, messages=talk, tools=[tool]) as stream:
            [streamed] = stream.get_final_completion().choices[0].message.tool_calls
        self.assertEqual(streamed.function.arguments, call.function.arguments)
        talk += [reply.message, {"role": "tool", "tool_call_id": call.id, "content": "12 degrees"}]
        self.assertIn("12 degrees", ask().choices[0].message.content)

    def test_structured_output_is_parsed(self):
        reply = client().chat.completions.parse(
            model=CHAT, messages=[{"role": "user", "content": "Grade this."}], response_format=Verdict
        )
        self.assertIsInstance(reply.choices[0].message.parsed, Verdict)

    def test_a_token_limit_is_the_reason_to_stop(self):
        self.assertEqual(self.ask("Hello", max_completion_tokens=3).choices[0].finish_reason, "length")
        with self.assertRaises(openai.LengthFinishReasonError):
            client().chat.completions.parse(
                model=CHAT,
                messages=[{"role": "user", "content": "Grade this."}],
                response_format=Verdict,
                max_completion_tokens=3,
            )

    def test_local_servers_are_understood_too(self):
        for vendor in ["ollama", "llamacpp", "vllm", "lmstudio"]:
            with self.subTest(vendor):
                local = client("none", vendor)
                asked = dict(model="qwen3", messages=[{"role": "user", "content": "Hello"}])
                whole = local.chat.completions.create(**asked)
                self.assertIn("Simulated", whole.choices[0].message.content)
                chunks = local.chat.completions.create(
                    **asked, stream=True, stream_options={"include_usage": True}
                )
                text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
                self.assertEqual(text, whole.choices[0].message.content)
                self.assertTrue(local.models.list().data)


class Faults(unittest.TestCase):
    def refused(self, kind, text, key="sk-test-interop", model=RESPONSES):
        with self.assertRaises(kind) as caught:
            client(key).responses.create(model=model, input=text, store=False)
        error = caught.exception
        self.assertIsInstance(error.body, dict)
        self.assertTrue(error.request_id)
        return error

    def test_each_refusal_is_the_exception_of_its_status(self):
        limited = self.refused(openai.RateLimitError, "[[sim:rate-limited=7]]")
        self.assertEqual(limited.response.headers["retry-after"], "7")
        self.assertEqual(limited.code, "rate_limit_exceeded")
        self.assertEqual(self.refused(openai.RateLimitError, "[[sim:quota]]").code, "insufficient_quota")
        self.assertEqual(self.refused(openai.InternalServerError, "[[sim:overloaded]]").status_code, 503)
        self.assertEqual(self.refused(openai.InternalServerError, "[[sim:server-error]]").status_code, 500)
        wrong_key = self.refused(openai.AuthenticationError, "Hello", key="sk-invalid")
        self.assertEqual(wrong_key.code, "invalid_api_key")
        unknown = self.refused((openai.NotFoundError, openai.BadRequestError), "Hello", model="gpt-nought")
        self.assertEqual(unknown.code, "model_not_found")
        with self.assertRaises(openai.BadRequestError) as caught:
            client().responses.create(model=CHAT, input="Hello", reasoning={"effort": "high"}, store=False)
        self.assertEqual(caught.exception.param, "reasoning.effort")

    def test_the_sdk_waits_as_it_is_told_and_comes_back(self):
        hint = "retry_after: { ms: 20 }"
        with scenario(f"rules: [{{ nth: 1, error: {{ kind: rate_limited, {hint} }} }}]"):
            reply = client(retries=1).responses.create(model=RESPONSES, input="Hello", store=False)
        self.assertEqual(reply.status, "completed")

    def test_models_are_listed_and_looked_up(self):
        models = [model for model in client().models.list()]
        self.assertIn(RESPONSES, [model.id for model in models])
        self.assertEqual(client().models.retrieve(RESPONSES).id, RESPONSES)
        with self.assertRaises(openai.NotFoundError):
            client().models.retrieve("gpt-nought")

    def test_a_broken_connection_is_one_to_the_sdk(self):
        with self.assertRaises(openai.APIConnectionError):
            client().responses.create(model=RESPONSES, input="[[sim:reset]]", store=False)


if __name__ == "__main__":
    unittest.main()
