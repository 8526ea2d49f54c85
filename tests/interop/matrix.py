"""One client at every dialect that it speaks: the same cases, and how many of them the simulator refused.

`matrix.py ADDRESS CLIENT`. A case is refused when the call fails, when
the client cannot read the reply, or when an error becomes another exception than the client has for it.
"""

import importlib
import importlib.metadata
import json
import sys
import warnings

# Servers put more into a reply than the types of the packages tell.
warnings.filterwarnings("ignore", category=UserWarning)

CLIENTS = {
    "openai": "matrix_openai",
    "anthropic": "matrix_anthropic",
    "google-genai": "matrix_google",
    "litellm": "matrix_litellm",
}

VERDICT = {
    "type": "object",
    "properties": {"grade": {"type": "string", "enum": ["good", "bad"]}, "score": {"type": "integer"}},
    "required": ["grade", "score"],
    "additionalProperties": False,
}

FAULTS = {"401": "authentication", "404": "model_not_found", "429": "rate_limited", "400": "invalid_request"}


def said(text):
    assert "Simulated" in text, text


def told(text):
    assert "12 degrees" in text, text


def graded(text):
    # Some servers leave the thoughts in the text.
    verdict = json.loads(text.rpartition("</think>")[2])
    assert set(verdict) == {"grade", "score"} and verdict["grade"] in ("good", "bad"), verdict


def refused(speaker, status):
    """By what the client sends, where the server looks at it; else by the script."""
    from support import scenario

    kind = speaker.errors[status]
    wrong = {"401": {"key": "fk-test-invalid"}, "404": {"model": speaker.nought}}.get(status)
    natural = wrong is not None and speaker.looks
    with scenario("{}" if natural else f"rules: [{{ error: {{ kind: {FAULTS[status]} }} }}]"):
        try:
            text = speaker.ask("Hello", **(wrong if natural else {}))
        except Exception as error:
            if type(error) is kind:
                return
            raise AssertionError(f"{type(error).__name__} in place of {kind.__name__}: {error}") from error
    raise AssertionError(f"answered: {text}")


def cases(speaker):
    """The names of the cases, and what each does."""
    yield "unary", lambda: said(speaker.ask("Hello"))
    yield "stream", lambda: said(speaker.ask("Hello", stream=True))
    if speaker.tools:
        yield "tools", lambda: told(speaker.loop("Call get_weather for Oslo."))
        yield "tools, streamed", lambda: told(speaker.loop("Call get_weather for Oslo.", stream=True))
    if speaker.schemas:
        yield "schema", lambda: graded(speaker.ask("Grade this.", schema=VERDICT))
        yield "schema, streamed", lambda: graded(speaker.ask("Grade this.", schema=VERDICT, stream=True))
    for status in FAULTS:
        yield status, lambda status=status: refused(speaker, status)
    if speaker.embeds:
        yield "embeddings", lambda: speaker.embed(["one text", "another"])


def run(client):
    """The number of the cases, and the reasons of those refused."""
    count, failures = 0, []
    for speaker in importlib.import_module(CLIENTS[client]).speakers():
        for name, case in cases(speaker):
            count += 1
            try:
                case()
            except Exception as error:
                failures.append(f"{client} {speaker.name}, {name}: {type(error).__name__} {str(error)[:400]}")
    return count, failures


def main():
    [client] = sys.argv[1:]
    count, failures = run(client)
    version = importlib.metadata.version(client)
    print(f"{client} {version}: {count} cases, {len(failures)} refused", flush=True)
    print(*failures, sep="\n", file=sys.stderr)
    sys.exit(bool(failures) or count == 0)


if __name__ == "__main__":
    import support  # It takes the address from the arguments.

    main()
