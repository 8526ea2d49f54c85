"""The official Python client of the Model Context Protocol against `forge mcp serve`.

usage: mcp_client.py stdio FORGE FOLDER    starts the server
       mcp_client.py URL                   the addresses below URL are served
"""

import asyncio
import json
import os
import sys

from mcp import Client, StdioServerParameters


def read(result):
    """What a tool says, as the object that it is."""
    assert not result.is_error, result
    return json.loads(result.content[0].text)


async def context(client):
    tools = [tool.name for tool in (await client.list_tools()).tools]
    assert tools == ["map", "find", "refs", "outline", "impact"], tools
    found = await client.call_tool("find", {"symbol": "canary"})
    assert "lib.rs:1 function exact" in found.content[0].text, found
    wrong = await client.call_tool("find", {"symbol": "nothing_of_this_name"})
    assert wrong.is_error and "not_found" in wrong.content[0].text, wrong


async def models(client):
    tools = [tool.name for tool in (await client.list_tools()).tools]
    assert tools == ["ask", "council", "run", "challenge", "estimate", "usage"], tools
    said = read(await client.call_tool("ask", {"question": "Why?"}))
    assert said["text"] and said["simulated"], said
    # A long one: a handle first, and then the rest of it.
    running = read(await client.call_tool("council", {"question": "A cache", "wait_s": 0}))
    assert running["state"] == "running", running
    run = {"run": running["run"]}
    paused = read(await client.call_tool("run", {**run, "cancel": True}))
    assert paused["state"] == "paused", paused
    # A call that is taken back.
    call = asyncio.create_task(client.call_tool("run", run))
    await asyncio.sleep(0.05)
    call.cancel()
    try:
        await call
    except asyncio.CancelledError:
        pass
    done = read(await client.call_tool("run", run))
    while done["state"] != "done":
        done = read(await client.call_tool("run", run))
    assert done["text"] and done["cost_usd"] > 0, done
    prompts = [prompt.name for prompt in (await client.list_prompts()).prompts]
    assert prompts == ["council", "challenge"], prompts
    report = await client.read_resource(f"forge://run/{running['run']}/report")
    assert "### Findings" in report.contents[0].text, report


async def main():
    if sys.argv[1] == "stdio":
        forge, folder = sys.argv[2:]

        def server(side):
            words = ["mcp", "serve", side, "--offline", "--root", folder]
            env = {"FORGE_HOME": os.path.join(folder, "state"), "PATH": os.environ["PATH"]}
            return StdioServerParameters(command=forge, args=words, env=env, cwd=folder)

        sides = [(context, server("--context")), (models, server("--models"))]
    else:
        sides = [(context, sys.argv[1] + "/mcp/context"), (models, sys.argv[1] + "/mcp/models")]
    for check, place in sides:
        # As it comes, and as most clients are today.
        for mode in ("auto", "legacy"):
            async with Client(place, mode=mode) as client:
                await check(client)
                print(f"{check.__name__} in mode {mode}: {client.protocol_version}")


asyncio.run(asyncio.wait_for(main(), 60))
