"""One client at the gateway: the same conversations with every vendor behind it, whole and streamed.

`gateway.py SIMULATOR GATEWAY CLIENT`. The vendors behind the gateway are those of the simulator, so that a case
can look at what reached them and have them fail. A case fails when the client refuses the reply,
when something of the conversation was lost on the way, or when an error becomes another exception than it should.
"""

import importlib
import importlib.metadata
import json
import sys
import urllib.request
import warnings
from dataclasses import dataclass, field

from support import BASE, scenario

GATEWAY = sys.argv.pop(1)

# The vendors' packages warn of fields that their types do not have.
warnings.filterwarnings("ignore", category=UserWarning)

CLIENTS = {
    "openai": "gateway_openai",
    "anthropic": "gateway_anthropic",
    "google-genai": "gateway_google",
    "litellm": "gateway_litellm",
}

# The names of the providers behind the gateway, and their vendors' in the simulator.
UPSTREAMS = {
    "provider:anthropic": "anthropic",
    "provider:openai": "openai",
    "provider:chat": "openai",
    "provider:google": "google",
    "provider:local": "ollama",
}

VERDICT = {
    "type": "object",
    "properties": {"grade": {"type": "string", "enum": ["good", "bad"]}, "score": {"type": "integer"}},
    "required": ["grade", "score"],
    "additionalProperties": False,
}

# A picture of one pixel.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

# How an answer ends, in words of no vendor.
DONE, TOOLS, LIMIT, STOPPED, REFUSED = "done", "tools", "limit", "stopped", "refused"


@dataclass
class Answer:
    """What a client makes of a reply, in a form that all of them share."""

    text: str
    end: str
    calls: list = field(default_factory=list)
    thoughts: str = ""
    tokens: tuple = (0, 0)
    # What goes back with the next turn, in the client's own form.
    turn: object = None


@dataclass
class Call:
    id: str
    name: str
    arguments: dict


def control(method, path, body=None):
    request = urllib.request.Request(f"{BASE}/__sim/{path}", data=body, method=method)
    with urllib.request.urlopen(request) as reply:
        return reply.read()


def sent():
    """The requests for answers that reached the vendors in this case."""
    asked = json.loads(control("GET", "requests"))
    return [request for request in asked if isinstance(request["body"], dict)]


def same(found, expected, why=""):
    assert found == expected, f"{found!r} in place of {expected!r} {why}"


class Case:
    """A speaker that asks one vendor, whole or as a stream."""

    def __init__(self, speaker, upstream, stream):
        self.speaker, self.upstream, self.stream = speaker, upstream, stream

    def ask(self, talk, **more):
        return self.speaker.ask(self.upstream, talk, stream=self.stream, **more)

    def user(self, text):
        return self.speaker.user(text)

    def told(self, text):
        """The vendor was told this."""
        body = json.dumps(sent()[-1]["body"], ensure_ascii=False)
        assert text in body, f"`{text}` did not reach the vendor: {body[:900]}"

    def text(self):
        answer = self.ask([self.user("Hello")])
        assert "Simulated" in answer.text, answer
        same(answer.end, DONE, answer)
        assert self.speaker.is_full(answer), answer.turn
        assert min(answer.tokens) > 0, answer
        same({request["vendor"] for request in sent()}, {UPSTREAMS[self.upstream]})

    def several_turns(self):
        talk = [self.user("Hello")]
        talk += self.speaker.back(self.ask(talk)) + [self.user("And the second?")]
        assert "Simulated" in self.ask(talk).text
        self.told("And the second?")

    def system(self):
        self.ask([self.user("Hello")], system="Answer like a lighthouse keeper.")
        self.told("Answer like a lighthouse keeper.")

    def system_turn(self):
        talk = [self.user("Hello")]
        talk += self.speaker.back(self.ask(talk)) + [self.user("Go on."), self.speaker.system("The lamp is lit.")]
        assert "Simulated" in self.ask(talk).text
        self.told("The lamp is lit.")

    def tools(self, text="Call get_weather for Oslo.", count=1, **more):
        talk = [self.user(text)]
        answer = self.ask(talk, tools=True, **more)
        same(answer.end, TOOLS, answer)
        same([call.name for call in answer.calls], ["get_weather"] * count, answer)
        assert all(isinstance(call.arguments["city"], str) for call in answer.calls), answer
        # Google's own calls have none, and go by their names.
        same(len({call.id or at for at, call in enumerate(answer.calls)}), count, answer)
        results = [(call, f"{12 + at} degrees") for at, call in enumerate(answer.calls)]
        talk += self.speaker.back(answer) + self.speaker.results(results)
        last = self.ask(talk, tools=True, **more)
        same(last.end, DONE, last)
        for _, result in results:
            assert result in last.text, last

    def parallel_tools(self):
        self.tools("Call get_weather twice, for Oslo and for Rome.", 2)

    def tools_and_thoughts(self):
        self.tools(think=True)

    def schema(self):
        answer = self.ask([self.user("Grade this.")], schema=VERDICT)
        verdict = json.loads(answer.text)
        assert set(verdict) == {"grade", "score"} and verdict["grade"] in ("good", "bad"), verdict

    def stop_sequence(self):
        answer = self.ask([self.user("Hello")], stops=["reply"])
        assert "reply" not in answer.text and "Simulated" in answer.text, answer
        same(answer.end, self.speaker.stopped(self.upstream), answer)

    def limit(self):
        answer = self.ask([self.user("Hello")], limit=16)
        same(answer.end, LIMIT, answer)

    def thinking(self):
        talk = [self.user("Think hard.")]
        answer = self.ask(talk, think=True)
        assert "Simulated" in answer.text, answer
        if (self.speaker.name, self.upstream) not in HIDDEN:
            assert "thinking" in answer.thoughts, answer
        talk += self.speaker.back(answer) + [self.user("And then?")]
        assert "Simulated" in self.ask(talk, think=True).text

    def refusal(self):
        word = "safety" if self.upstream == "provider:google" else "refusal"
        same(self.ask([self.user(f"[[sim:{word}]]")]).end, REFUSED)

    def picture(self):
        assert "Simulated" in self.ask([self.speaker.picture("What is this?")]).text
        # Google's package writes it with the letters for addresses, which its vendor takes as well.
        body = json.dumps(sent()[-1]["body"]).replace("-", "+").replace("_", "/")
        assert PIXEL in body, f"the picture did not reach the vendor: {body[:900]}"

    def fails(self, kind, text="Hello", rule=None, model=None, **more):
        """The exception that the client raises; it has to be of this very class, or of one of these."""
        kinds = kind if isinstance(kind, tuple) else (kind,)
        with scenario(f"rules: [{rule}]" if rule else "{}"):
            try:
                answer = self.speaker.ask(model or self.upstream, [self.user(text)], stream=self.stream, **more)
            except Exception as error:
                if type(error) in kinds:
                    return error
                raise AssertionError(f"{type(error).__name__} in place of {kinds[0].__name__}: {error}") from error
        raise AssertionError(f"{kinds[0].__name__} was not raised: {answer}")

    def rate_limited(self):
        error = self.fails(self.speaker.errors["limited"], "[[sim:rate-limited=7]]")
        same(self.speaker.wait(error), 7.0)

    def overloaded(self):
        self.fails(self.speaker.errors["overloaded"], "[[sim:overloaded]]")

    def server_error(self):
        self.fails(self.speaker.errors["server"], "[[sim:server-error]]")

    def too_long(self):
        error = self.fails(self.speaker.errors["bad"], rule="{ error: { kind: context_length } }")
        assert self.speaker.says_too_long(error), error

    def connection_lost(self):
        self.fails(self.speaker.errors["server"], "[[sim:reset]]")

    def cut_after_content(self):
        self.fails(self.speaker.errors["broken" if self.stream else "server"], rule="{ cut: before_terminal }")

    def error_after_content(self):
        # All but the last events: content was there.
        rule = "{ stream_error: { kind: overloaded } }"
        # To local servers every error is one of the server's.
        kind = "server" if self.upstream == "provider:local" else "overloaded"
        try:
            self.fails(self.speaker.errors["broken" if self.stream else kind], rule=rule)
        except AssertionError:
            # A body that was passed on asks for one whole reply, in the middle of which no error can be.
            [asked] = sent()
            if self.stream or asked["body"].get("stream") or "stream" in asked["path"]:
                raise

    def unknown_model(self):
        self.fails(self.speaker.errors["unknown"], model="provider:nobody")

    def bad_request(self):
        self.fails(self.speaker.errors["bad"], bad=True)


# With each vendor, whole and streamed.
CASES = [
    "text",
    "several_turns",
    "system",
    "system_turn",
    "tools",
    "parallel_tools",
    "tools_and_thoughts",
    "schema",
    "stop_sequence",
    "limit",
    "thinking",
    "refusal",
    "picture",
    "rate_limited",
    "overloaded",
    "server_error",
    "too_long",
    "connection_lost",
    "cut_after_content",
    "error_after_content",
    "unknown_model",
    "bad_request",
]

# Differences that are right, each with its reason.
NOT_ASKED = "the dialect has no word for showing thoughts, and vendors show none that nobody asked for"
NO_THOUGHTS = "the model does not think"
HIDDEN = {
    ("Chat", "provider:anthropic"): NOT_ASKED,
    ("Chat", "provider:openai"): NOT_ASKED,
    ("Chat", "provider:google"): NOT_ASKED,
    **{(speaker, "provider:chat"): NO_THOUGHTS for speaker in ["Chat", "Responses", "stable", "beta", "generateContent"]},
}
LACKS = {
    ("provider:local", "refusal"): "a local server has no word for a refusal",
}


def cases(speaker):
    """The names of the cases, and what each does."""
    for upstream in UPSTREAMS:
        for stream in [False, True]:
            for name in CASES:
                if name not in speaker.lacks and (upstream, name) not in LACKS:
                    run = getattr(Case(speaker, upstream, stream), name)
                    yield f"{upstream}, {'streamed' if stream else 'whole'}, {name}", run
        if speaker.count:
            yield f"{upstream}, count", lambda upstream=upstream: counted(speaker, upstream)
    yield "account of the server", lambda: account(speaker)
    if "models" not in speaker.lacks:
        yield "models", lambda: listed(speaker)


def counted(speaker, upstream):
    count = speaker.count(upstream, [speaker.user("Hello there, how many tokens are these?")])
    assert 3 < count < 100, count


def account(speaker):
    """What is wrong with the server's own account is not the client's to mend, nor to know."""
    for stream in [False, True]:
        try:
            answer = speaker.ask("provider:refused", [speaker.user("Hello")], stream=stream)
        except speaker.errors["server"] as error:
            # Once it was refused, its vendor is left alone.
            assert "invalid" not in str(error), error
            continue
        raise AssertionError(answer)


def listed(speaker):
    models = speaker.models()
    missing = {*UPSTREAMS, "claude-sonnet-5-5"} - set(models)
    assert not missing and len(models) == len(set(models)), models
    same(speaker.model("provider:google"), "provider:google")
    try:
        found = speaker.model("provider:nobody")
    except speaker.errors["gone"]:
        return
    raise AssertionError(f"found: {found}")


def run(client, only):
    """The number of the cases, and the reasons of those that failed."""
    count, failures = 0, []
    for speaker in importlib.import_module(CLIENTS[client]).speakers():
        for name, case in cases(speaker):
            name = f"{client} {speaker.name} at {name}"
            if only not in name:
                continue
            count += 1
            control("POST", "reset")
            try:
                case()
            except Exception as error:
                failures.append(f"{name}: {type(error).__name__} {str(error)[:700]}")
    return count, failures


def main():
    [client, *only] = sys.argv[1:]
    count, failures = run(client, *only or [""])
    version = importlib.metadata.version(client)
    print(f"{client} {version}: {count - len(failures)} of {count} cases", flush=True)
    print(*failures, sep="\n", file=sys.stderr)
    sys.exit(bool(failures) or count == 0)


if __name__ == "__main__":
    # The modules of the clients import this one by its name.
    sys.modules["gateway"] = sys.modules["__main__"]
    main()
