"""What the official `anthropic` package makes of the simulator."""

import json
import unittest
from typing import Literal

import anthropic
from pydantic import BaseModel
from support import BASE, WEATHER, requests, scenario

MODEL = "claude-sonnet-5-5"
TOOL = {"name": "get_weather", "description": "The weather.", "input_schema": WEATHER}


class Verdict(BaseModel):
    grade: Literal["good", "bad"]
    reason: str
    score: int


def client(key="sk-ant-test-interop", retries=0):
    """One that refuses every reply that its own types do not describe."""
    return anthropic.Anthropic(
        base_url=BASE + "/anthropic", api_key=key, max_retries=retries, _strict_response_validation=True
    )


def asked(text, **more):
    return {"model": MODEL, "max_tokens": 2000, "messages": [{"role": "user", "content": text}], **more}


class Messages(unittest.TestCase):
    def test_a_whole_reply(self):
        reply = client().messages.create(**asked("Hello"))
        self.assertEqual(reply.stop_reason, "end_turn")
        [text] = [block.text for block in reply.content if block.type == "text"]
        self.assertIn("Simulated", text)
        self.assertGreater(reply.usage.input_tokens, 0)
        self.assertGreater(reply.usage.output_tokens, 0)

    def test_a_stream_gives_the_whole_reply(self):
        with client().messages.stream(**asked("Hello")) as stream:
            kinds = [event.type for event in stream]
            final = stream.get_final_message()
        self.assertEqual((kinds[0], kinds[-1]), ("message_start", "message_stop"))
        whole = client().messages.create(**asked("Hello"))
        self.assertEqual([b.to_dict() for b in final.content], [b.to_dict() for b in whole.content])
        self.assertEqual(final.stop_reason, whole.stop_reason)
        self.assertEqual(final.usage.input_tokens, whole.usage.input_tokens)
        self.assertEqual(final.usage.output_tokens, whole.usage.output_tokens)

    def test_a_tool_makes_a_round_trip(self):
        request = asked("Call get_weather twice, for Oslo and for Rome.", tools=[TOOL])
        reply = client().messages.create(**request)
        self.assertEqual(reply.stop_reason, "tool_use")
        calls = [block for block in reply.content if block.type == "tool_use"]
        self.assertEqual(len(calls), 2)
        self.assertTrue(all("city" in call.input for call in calls))
        with client().messages.stream(**request) as stream:
            streamed = [block for block in stream.get_final_message().content if block.type == "tool_use"]
        self.assertEqual([call.input for call in streamed], [call.input for call in calls])
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": "12 degrees"} for call in calls
        ]
        request["messages"] += [
            {"role": "assistant", "content": reply.content},
            {"role": "user", "content": results},
        ]
        self.assertIn("12 degrees", client().messages.create(**request).content[-1].text)
        results.pop()
        with self.assertRaises(anthropic.BadRequestError):
            client().messages.create(**request)

    def test_thinking_goes_back_as_it_came(self):
        request = asked("Think hard.", thinking={"type": "adaptive", "display": "summarized"})
        with client().messages.stream(**request) as stream:
            reply = stream.get_final_message()
        self.assertEqual([block.type for block in reply.content], ["thinking", "text"])
        self.assertTrue(reply.content[0].thinking and reply.content[0].signature)
        request["messages"] += [
            {"role": "assistant", "content": reply.content},
            {"role": "user", "content": "And then?"},
        ]
        client().messages.create(**request)
        reply.content[0].signature = "AAAA"
        with self.assertRaises(anthropic.BadRequestError):
            client().messages.create(**request)

    def test_structured_output_is_parsed(self):
        reply = client().messages.parse(**asked("Grade this.", output_format=Verdict))
        self.assertIsInstance(reply.parsed_output, Verdict)
        with client().messages.stream(**asked("Grade this.", output_format=Verdict)) as stream:
            self.assertEqual(stream.get_final_message().parsed_output, reply.parsed_output)

    def test_every_reason_to_stop_is_known(self):
        create = lambda text, **more: client().messages.create(**{**asked(text), **more})
        self.assertEqual(create("Hello", max_tokens=3).stop_reason, "max_tokens")
        stopped = create("Hello", stop_sequences=["reply"])
        self.assertEqual((stopped.stop_reason, stopped.stop_sequence), ("stop_sequence", "reply"))
        refused = create("[[sim:refusal]]")
        self.assertEqual(refused.stop_reason, "refusal")
        self.assertEqual(refused.stop_details.type, "refusal")
        self.assertEqual(create("[[sim:pause]]").stop_reason, "pause_turn")

    def test_a_cached_prompt_is_read_the_second_time(self):
        system = [
            {"type": "text", "text": "A long preamble. " * 600, "cache_control": {"type": "ephemeral"}}
        ]
        first = client().messages.create(**asked("Hello", system=system)).usage
        second = client().messages.create(**asked("Hello", system=system)).usage
        self.assertGreater(first.cache_creation_input_tokens, 0)
        self.assertEqual(
            first.cache_creation.ephemeral_5m_input_tokens, first.cache_creation_input_tokens
        )
        self.assertEqual(second.cache_read_input_tokens, first.cache_creation_input_tokens)

    def test_tokens_are_counted(self):
        request = asked("Hello there")
        del request["max_tokens"]
        counted = client().messages.count_tokens(**request)
        reply = client().messages.create(**asked("Hello there"))
        self.assertEqual(counted.input_tokens, reply.usage.input_tokens)


class Threads(unittest.TestCase):
    ASKED = {"model": MODEL, "max_tokens": 2000}

    def sent(self):
        """The kind of thread of every request for an answer so far, and the number of its messages."""
        bodies = [request["body"] for request in requests()]
        return [(body["thread"]["type"], len(body["messages"])) for body in bodies if body and "thread" in body]

    def test_a_turn_brings_only_what_is_new(self):
        before = len(self.sent())
        thread = client().beta.messages.thread(**self.ASKED, system="Be brief.")
        for text in ["Hello", "And then?", "Go on."]:
            thread.send({"role": "user", "content": text})
        self.assertEqual(self.sent()[before:], [("create", 1), ("continue", 1), ("continue", 1)])
        self.assertEqual(len(thread.messages), 6)

    def test_the_runner_of_tools_goes_on_in_its_thread(self):
        @anthropic.beta_tool
        def get_weather(city: str) -> str:
            """The weather."""
            return "12 degrees"

        before = len(self.sent())
        talk = [{"role": "user", "content": "Call get_weather for Oslo."}]
        runner = client().beta.messages.tool_runner(**self.ASKED, tools=[get_weather], messages=talk)
        self.assertIn("12 degrees", runner.until_done().content[-1].text)
        self.assertEqual(self.sent()[before:], [("create", 1), ("continue", 1)])

    def test_a_thread_that_is_gone_is_told_by_its_class(self):
        gone = {"type": "continue", "previous_message_id": "msg_nought"}
        talk = [{"role": "user", "content": "Hello"}]
        with self.assertRaises(anthropic.NotFoundError) as caught:
            client().beta.messages.create(
                **self.ASKED, messages=talk, thread=gone, betas=["message-threads-2026-08-12"]
            )
        self.assertEqual(caught.exception.error_code, "thread_not_found")


class Faults(unittest.TestCase):
    def refused(self, kind, text="Hello", key="sk-ant-test-interop", **more):
        with self.assertRaises(kind) as caught:
            client(key).messages.create(**{**asked(text), **more})
        return caught.exception

    def test_each_refusal_is_the_exception_of_its_status(self):
        limited = self.refused(anthropic.RateLimitError, "[[sim:rate-limited=7]]")
        self.assertEqual(limited.response.headers["retry-after"], "7")
        self.assertEqual(limited.type, "rate_limit_error")
        self.assertTrue(limited.request_id)
        spent = self.refused(anthropic.RateLimitError, "[[sim:quota]]")
        self.assertEqual(spent.error_code, "enforced_spend_limit_reached")
        overloaded = self.refused(anthropic.APIStatusError, "[[sim:overloaded]]")
        self.assertEqual((overloaded.status_code, overloaded.type), (529, "overloaded_error"))
        self.assertIsInstance(overloaded, anthropic.InternalServerError)
        broken = self.refused(anthropic.InternalServerError, "[[sim:server-error]]")
        self.assertEqual(broken.type, "api_error")
        wrong_key = self.refused(anthropic.AuthenticationError, key="invalid")
        self.assertEqual(wrong_key.type, "authentication_error")
        self.assertEqual(self.refused(anthropic.NotFoundError, model="claude-nought").type, "not_found_error")
        refused = self.refused(anthropic.BadRequestError, extra_body={"temperature": 3})
        self.assertEqual(refused.type, "invalid_request_error")

    def test_an_error_within_a_stream_is_the_exception_of_its_type(self):
        with self.assertRaises(anthropic.APIStatusError) as caught:
            with client().messages.stream(**asked("[[sim:stream-error=3]]")) as stream:
                stream.until_done()
        self.assertEqual(caught.exception.type, "overloaded_error")

    def test_a_broken_connection_is_one_to_the_sdk(self):
        with self.assertRaises(anthropic.APIConnectionError):
            client().messages.create(**asked("[[sim:reset]]"))

    def test_the_sdk_waits_as_it_is_told_and_comes_back(self):
        hint = "retry_after: { ms: 20 }"
        with scenario(f"rules: [{{ nth: 1, error: {{ kind: overloaded, {hint} }} }}]"):
            reply = client(retries=1).messages.create(**asked("Hello"))
        self.assertEqual(reply.stop_reason, "end_turn")

    def test_models_are_listed_page_by_page_and_looked_up(self):
        models = list(client().models.list(limit=5))
        self.assertGreater(len(models), 5)
        self.assertEqual(len({model.id for model in models}), len(models))
        model = client().models.retrieve(MODEL)
        self.assertIn(model, models)
        self.assertTrue(model.capabilities.thinking.types.adaptive.supported)
        with self.assertRaises(anthropic.NotFoundError):
            client().models.retrieve("claude-nought")


if __name__ == "__main__":
    unittest.main()
