"""The `openai` package comes back for responses that the gateway keeps, goes on from them, and has texts embedded."""

import sys
import time

import openai

GATEWAY, KEY, OTHER = sys.argv[1:4]


def client(key):
    return openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=key, max_retries=0, _strict_response_validation=True)


def refused(status, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except openai.APIStatusError as error:
        assert error.status_code == status, error
        return error
    raise AssertionError(f"{call} was not refused")


mine, other = client(KEY), client(OTHER)
first = mine.responses.create(model="provider:openai", input="Remember the word heron.")
assert mine.responses.retrieve(first.id) == first, first
assert first.status == "completed" and first.store, first

# Another key neither sees it nor goes on from it.
refused(404, other.responses.retrieve, first.id)
wrong = refused(400, other.responses.create, model="provider:openai", input="Go on", previous_response_id=first.id)
assert wrong.code == "previous_response_not_found", wrong

# Any vendor goes on from it, with a stream as well.
second = mine.responses.create(model="provider:anthropic", input="Go on", previous_response_id=first.id)
assert second.previous_response_id == first.id, second
with mine.responses.stream(model="provider:google", input="And on", previous_response_id=second.id) as stream:
    for _ in stream:
        pass
    third = stream.get_final_response()
assert mine.responses.retrieve(third.id).output_text == third.output_text, third
items = mine.responses.input_items.list(third.id, order="asc").data
assert [item.type for item in items] == ["message"], items

# In the background, and cancelled there.
later = mine.responses.create(model="provider:openai", input="Take your time", background=True)
assert later.status in ("queued", "in_progress"), later
until = time.monotonic() + 20
while later.status in ("queued", "in_progress"):
    assert time.monotonic() < until, later
    later = mine.responses.retrieve(later.id)
assert later.status == "completed" and later.output_text, later
refused(400, mine.responses.cancel, first.id)

# Gone, and what goes on from it says so.
mine.responses.delete(first.id)
refused(404, mine.responses.retrieve, first.id)
refused(400, mine.responses.create, model="provider:openai", input="Go on", previous_response_id=second.id)

# The package asks for base64 unless it is told otherwise, which its own strict validation refuses.
words = {"input": ["heron", "stork"], "dimensions": 64, "encoding_format": "float"}
vectors = mine.embeddings.create(model="embed", **words).data
assert [len(vector.embedding) for vector in vectors] == [64, 64], vectors
refused(404, mine.embeddings.create, model="provider:anthropic", input="heron")
print(f"openai {openai.__version__}: came back, went on by ids, waited in the background, and had texts embedded")
