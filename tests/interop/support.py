"""What the scripts share: where the simulator is, and how it is told what to play."""

import contextlib
import json
import sys
import urllib.request

BASE = sys.argv.pop(1)

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


@contextlib.contextmanager
def scenario(text):
    """Lets the simulator play `text`, and nothing afterwards."""

    def play(text):
        request = urllib.request.Request(BASE + "/__sim/scenario", data=text.encode(), method="PUT")
        urllib.request.urlopen(request).close()

    play(text)
    try:
        yield
    finally:
        play("{}")


def requests():
    """What the simulator has been asked so far."""
    with urllib.request.urlopen(BASE + "/__sim/requests") as journal:
        return json.load(journal)
