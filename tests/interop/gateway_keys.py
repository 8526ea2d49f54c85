"""Keys of the gateway, by what the packages make of them.

`gateway_keys.py SIMULATOR GATEWAY KEY NARROW SLOW POOR`: a key for everything, one for models of Anthropic's, one with
12 requests a minute, and one whose money is spent by its first call.
"""

import sys
import time
import unittest

import anthropic
import openai
from google import genai
from google.genai import errors, types
from support import WEATHER  # noqa: F401  It takes the simulator's address from the arguments.

GATEWAY, KEY, NARROW, SLOW, POOR = (sys.argv.pop(1) for _ in range(5))
# Of the form of a key, and none.
WRONG = KEY[:-4] + "0000"


def chat(key, model="provider:openai", retries=0):
    client = openai.OpenAI(
        base_url=f"{GATEWAY}/v1", api_key=key, max_retries=retries, _strict_response_validation=True
    )
    talk = [{"role": "user", "content": "Hello"}]
    return client.chat.completions.create(model=model, messages=talk).choices[0].message.content


def messages(key, model="provider:anthropic", retries=0):
    client = anthropic.Anthropic(
        base_url=GATEWAY, api_key=key, max_retries=retries, _strict_response_validation=True
    )
    talk = [{"role": "user", "content": "Hello"}]
    return client.messages.create(model=model, max_tokens=300, messages=talk).content[-1].text


def generate(key, model="provider:google"):
    options = types.HttpOptions(base_url=GATEWAY, retry_options=types.HttpRetryOptions(attempts=1))
    with genai.Client(api_key=key, http_options=options) as client:
        return client.models.generate_content(model=model, contents="Hello").text


class Keys(unittest.TestCase):
    def refused(self, kind, ask, *arguments, **more):
        with self.assertRaises(kind) as caught:
            ask(*arguments, **more)
        self.assertIs(type(caught.exception), kind)
        return caught.exception

    def test_a_key_opens_every_dialect(self):
        for ask in [chat, messages, generate]:
            self.assertIn("Simulated", ask(KEY))

    def test_a_key_may_be_a_token(self):
        client = anthropic.Anthropic(base_url=GATEWAY, auth_token=KEY, api_key=None, max_retries=0)
        talk = [{"role": "user", "content": "Hello"}]
        reply = client.messages.create(model="provider:google", max_tokens=300, messages=talk)
        self.assertIn("Simulated", reply.content[-1].text)

    def test_a_wrong_key_is_an_authentication_error(self):
        self.assertEqual(self.refused(openai.AuthenticationError, chat, WRONG).code, "invalid_api_key")
        self.assertEqual(self.refused(anthropic.AuthenticationError, messages, WRONG).type, "authentication_error")
        error = self.refused(errors.ClientError, generate, WRONG)
        self.assertEqual((error.code, error.status), (400, "INVALID_ARGUMENT"))
        self.assertIn("API_KEY_INVALID", str(error.details))
        for key in ["sk-other", ""]:
            with self.assertRaises(openai.AuthenticationError):
                openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=key or "x", max_retries=0).models.list()
        with self.assertRaises(anthropic.AuthenticationError):
            anthropic.Anthropic(base_url=GATEWAY, api_key="sk-other", max_retries=0).models.list()

    def test_a_model_that_a_key_may_not_use_is_a_permission_error(self):
        self.assertIn("Simulated", messages(NARROW))
        self.refused(openai.PermissionDeniedError, chat, NARROW)
        self.refused(anthropic.PermissionDeniedError, messages, NARROW, "provider:google")
        self.assertEqual(self.refused(errors.ClientError, generate, NARROW).code, 403)
        client = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=NARROW, max_retries=0)
        self.assertEqual([model.id for model in client.models.list()], ["provider:anthropic"])

    def test_a_limit_is_a_rate_limit_error_and_is_waited_for(self):
        with self.assertRaises(anthropic.RateLimitError) as caught:
            for _ in range(100):
                messages(SLOW)
        wait = int(caught.exception.response.headers["retry-after"])
        self.assertLessEqual(wait, 5)
        self.assertEqual(self.refused(openai.RateLimitError, chat, SLOW).code, "rate_limit_exceeded")
        self.assertEqual(self.refused(errors.ClientError, generate, SLOW).status, "RESOURCE_EXHAUSTED")
        begun = time.monotonic()
        self.assertIn("Simulated", messages(SLOW, retries=1))
        # Its own waits are of half a second.
        self.assertGreater(time.monotonic() - begun, wait - 2)

    def test_money_that_is_spent_is_not_waited_for(self):
        begun = time.monotonic()
        error = self.refused(openai.RateLimitError, chat, POOR, retries=2)
        self.assertEqual((error.code, error.response.headers["x-should-retry"]), ("insufficient_quota", "false"))
        self.assertEqual(error.request.headers["x-stainless-retry-count"], "0")
        error = self.refused(anthropic.PaymentRequiredError, messages, POOR, retries=2)
        self.assertEqual((error.status_code, error.type), (402, "billing_error"))
        self.assertEqual(self.refused(errors.ClientError, generate, POOR).code, 429)
        # The first repetition of the packages comes after half a second.
        self.assertLess(time.monotonic() - begun, 2)


if __name__ == "__main__":
    unittest.main()
