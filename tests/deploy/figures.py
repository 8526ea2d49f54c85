"""The figures of a gateway that has answered, failed and been asked over MCP."""

import json
import re
import subprocess
import tempfile
import urllib.error
import urllib.request


def of(program):
    """Each name of /metrics with its labels, from a gateway of simulated vendors that is started and ended here."""
    with tempfile.TemporaryDirectory() as home:
        arguments = ["serve", "--offline", "--json", "--listen", "127.0.0.1:0", "--probes", "127.0.0.1:0", "--admin", "off",
                     "--grace", "1s", "--inject", "529@openai"]
        server = subprocess.Popen([program, *arguments], env={"FORGE_HOME": home, "HOME": home}, cwd=home, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True)
        try:
            line = ""
            # The object may stand on several lines.
            while not line.rstrip().endswith("}"):
                more = server.stdout.readline()
                assert more, f"the gateway did not start: {line}"
                line += more
            places = json.loads(line)
            exercise(places["address"])
            return parsed(get(f"http://{places['probes']}/metrics"))
        finally:
            server.terminate()
            server.wait(10)


def exercise(address):
    for model in "provider:anthropic", "provider:openai", "provider:google", "council":
        body = {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}
        post(f"{address}/v1/messages", body)
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "usage", "arguments": {}}}
    post(f"{address}/mcp/models", call)


def get(url):
    with urllib.request.urlopen(url, timeout=20) as reply:
        return reply.read().decode()


def post(url, body):
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            reply.read()
    except urllib.error.HTTPError as refused:
        # The vendor that always fails.
        assert refused.code == 529, f"{url}: {refused.code} {refused.read()}"


def parsed(text):
    names = {}
    for line in text.splitlines():
        if sample := re.match(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$", line):
            labels = re.findall(r'(\w+)="(?:[^"\\]|\\.)*"', sample[2] or "")
            names.setdefault(sample[1], set()).update(labels)
    return names


def values(root, _known):
    """What labels may say, from the pages that list it."""
    errors = re.findall(r"^\| E\d+ \| `(\w+)` \|", (root / "docs/errors.md").read_text(), re.M)
    row = re.search(r"^\| `status` \| text \| `success`.*$", (root / "docs/database.md").read_text(), re.M)[0]
    # What went on after a failure is a failure here.
    statuses = set(re.findall(r"`(\w+)`", row)) - {"status", "retry"}
    return {"kind": set(errors), "status": statuses}
