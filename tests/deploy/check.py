"""Checks of Dockerfile, deploy/ and .github/: each file by its own tool, and what only holds between files."""

import itertools
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

import figures
import promql

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
MONITORING = DEPLOY / "kubernetes/overlays/monitoring"
failures = []


def expect(holds, what):
    if not holds:
        failures.append(what)


def run(what, tool, *arguments):
    """Runs a tool, which fails the check if it fails, and says so where it is missing."""
    if shutil.which(tool) is None:
        print(f"deploy: {tool} is not installed: {what} is not checked", file=sys.stderr)
        return ""
    done = subprocess.run([tool, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True)
    expect(done.returncode == 0, f"{what}:\n{done.stdout}{done.stderr}")
    return done.stdout


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def image():
    run("Dockerfile", "hadolint", "Dockerfile")
    toolchain = re.search(r'channel = "(.*)"', (ROOT / "rust-toolchain.toml").read_text())[1]
    expect(f"ARG RUST={toolchain}\n" in (ROOT / "Dockerfile").read_text(), "Dockerfile and rust-toolchain.toml name two toolchains")
    # A workspace without one of its folders does not build, whatever of it is wanted.
    ignored = [line.strip("/") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("/")]
    found = json.loads(run("the context of the image", "cargo", "metadata", "--no-deps", "--offline", "--format-version", "1") or "{}")
    packages = found.get("packages", [])
    used = {pathlib.Path(package["manifest_path"]).parent for package in packages}
    used |= {pathlib.Path(other["path"]) for package in packages for other in package["dependencies"] if "path" in other}
    for folder in sorted(folder.relative_to(ROOT) for folder in used):
        left_out = any(folder.is_relative_to(one) for one in ignored)
        expect(not left_out, f".dockerignore leaves out {folder}, which the workspace needs")


def compose():
    path = DEPLOY / "compose.yaml"
    run("compose.yaml", "check-jsonschema", "--builtin-schema", "vendor.compose-spec", path)
    [stack] = documents(path)
    for name, service in stack["services"].items():
        for port in service.get("ports", []):
            expect(port.startswith("127.0.0.1:"), f"compose.yaml: {name} is open to other machines: {port}")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            known = (DEPLOY / source).exists() if source.startswith(".") else source in stack["volumes"]
            expect(known, f"compose.yaml: {name} mounts {source}, which is not there")
        expect("limits" in service.get("deploy", {}).get("resources", {}), f"compose.yaml: {name} has no limits")


def gateway_file(program):
    """The grace of the gateway in seconds, once its file has been read by the program."""
    path = DEPLOY / "config/forge.yaml"
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run([program, "config", "check", "--config", path], capture_output=True, text=True,
                              env={"FORGE_HOME": home, "ANTHROPIC_API_KEY": "sk-test-not-a-key"})
    expect(done.returncode == 0, f"forge.yaml:\n{done.stdout}{done.stderr}")
    return int(documents(path)[0]["serve"]["grace"].removesuffix("s"))


def kubernetes(grace):
    own = "kustomize.config.k8s.io", "monitoring.coreos.com"
    for path in sorted(DEPLOY.glob("kubernetes/**/*.yaml")):
        if any(document["apiVersion"].startswith(own) for document in documents(path)):
            continue
        # A patch is no manifest by itself; what comes of it is checked below.
        if path.name != "state.yaml":
            run(path.name, "kubernetes-validate", "--strict", "--quiet", path)
    for overlay in "single", "monitoring":
        built = run(f"overlay {overlay}", "kubectl", "kustomize", DEPLOY / "kubernetes/overlays" / overlay)
        parts = [part for part in yaml.safe_load_all(built) if part]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            # Kinds of operators are in no schema of Kubernetes.
            yaml.safe_dump_all([part for part in parts if not part["apiVersion"].startswith(own)], file)
            file.flush()
            run(f"what overlay {overlay} comes to", "kubernetes-validate", "--strict", "--quiet", file.name)
        for part in parts:
            if part["kind"] == "Deployment":
                pod(part["spec"], grace)
    [pod_] = documents(DEPLOY / "kubernetes/base/deployment.yaml")
    ports = {port["name"] for port in pod_["spec"]["template"]["spec"]["containers"][0]["ports"]}
    [service] = documents(DEPLOY / "kubernetes/base/service.yaml")
    [monitor] = documents(MONITORING / "monitor.yaml")
    expect({port["targetPort"] for port in service["spec"]["ports"]} <= ports, "the service names ports that the pod has not")
    names = {port["name"] for port in service["spec"]["ports"]}
    expect({end["port"] for end in monitor["spec"]["endpoints"]} <= names, "the monitor names ports that the service has not")


def pod(spec, grace):
    expect(spec["replicas"] == 1 and spec["strategy"]["type"] == "Recreate", "one file of accounts is one pod at a time")
    spec = spec["template"]["spec"]
    expect(spec["terminationGracePeriodSeconds"] > grace, "the pod is killed before the grace of the gateway is over")
    volumes = {volume["name"] for volume in spec["volumes"]}
    for container in spec["containers"]:
        expect({mount["name"] for mount in container["volumeMounts"]} <= volumes, "a volume is mounted that is not there")
        expect(container["securityContext"]["readOnlyRootFilesystem"], "the root file system may be written")


def systemd(grace):
    path = DEPLOY / "systemd/forge-gateway.service"
    unit = path.read_text()
    expect(int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.M)[1]) > grace, "the unit is killed before its grace is over")
    if shutil.which("systemd-analyze") is None:
        print("deploy: systemd-analyze is not installed: the unit is not checked", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        # Where the program is installed does not matter here.
        copy = pathlib.Path(folder, path.name)
        copy.write_text(unit.replace("/usr/local/bin/forge", "/bin/true"))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True)
    expect(done.returncode == 0 and not done.stderr, f"{path.name}:\n{done.stderr}")


def alerts():
    """The rules of the file; each alert is tested both ways and has its place in the page of operations."""
    folder = DEPLOY / "prometheus"
    run("prometheus.yaml", "promtool", "check", "config", "--syntax-only", folder / "prometheus.yaml")
    run("rules.yaml", "promtool", "check", "rules", folder / "rules.yaml")
    run("rules.test.yaml", "promtool", "test", "rules", folder / "rules.test.yaml")
    [groups], [tests] = documents(folder / "rules.yaml"), documents(folder / "rules.test.yaml")
    [copy] = documents(MONITORING / "rules.yaml")
    expect(copy["spec"] == groups, "the groups of the PrometheusRule are not those of deploy/prometheus/rules.yaml")
    rules = [rule for group in groups["groups"] for rule in group["rules"]]
    cases = [case for test in tests["tests"] for case in test["alert_rule_test"]]
    page = (ROOT / "docs/operations.md").read_text()
    for name in (rule["alert"] for rule in rules if "alert" in rule):
        seen = {bool(case["exp_alerts"]) for case in cases if case["alertname"] == name}
        expect(seen == {True, False}, f"{name} has no test in which it fires and one in which it does not")
        expect(f"\n### {name}\n" in page, f"docs/operations.md does not say what to do about {name}")
    for rule in rules:
        address = rule.get("annotations", {}).get("runbook_url", "")
        expect("alert" not in rule or address.endswith(f"docs/operations.md#{rule['alert'].lower()}"), f"{rule} leads elsewhere")
    return rules


def dashboards():
    """What the dashboards ask, as (place, expression), with values in place of their variables."""
    asked, uids = [], set()
    values = {"$__rate_interval": "5m", "$__range": "1h", "$job": ".*", "$provider": ".*", "$role": ".*"}
    for path in sorted((DEPLOY / "grafana").glob("*.json")):
        board = json.loads(path.read_text())
        expect(board["uid"] not in uids, f"{path.name}: another dashboard has its uid")
        uids.add(board["uid"])
        places = [panel["gridPos"] for panel in board["panels"]]
        for a, b in itertools.combinations(places, 2):
            beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
            above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
            expect(beside or above, f"{path.name}: two panels stand at one place")
        known = {"$" + variable["name"] for variable in board["templating"]["list"]} | {"$__rate_interval", "$__range"}
        queries = [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel["targets"]]
        queries += [(variable["name"], variable["query"]) for variable in board["templating"]["list"] if variable["type"] == "query"]
        for title, expression in queries:
            place = f"{path.name}, {title}"
            used = set(re.findall(r"\$\w+", expression))
            expect(used <= known, f"{place}: {used - known} is no variable of the dashboard")
            for name in used & set(values):
                expression = re.sub(re.escape(name) + r"\b", values[name], expression)
            asked.append((place, expression))
    listed = documents(DEPLOY / "grafana/kustomization.yaml")[0]["configMapGenerator"][0]["files"]
    expect(set(listed) == {path.name for path in (DEPLOY / "grafana").glob("*.json")}, "kustomization.yaml names other dashboards")
    rules = [{"record": f"n{i}", "expr": e} for i, (_, e) in enumerate(asked) if not e.startswith("label_values(")]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}, file)
        file.flush()
        run("the expressions of the dashboards", "promtool", "check", "rules", file.name)
    return asked


def commands(program):
    """Every command of the page of operations is one, and has the options with which it stands there."""
    page = (ROOT / "docs/operations.md").read_text()
    spans = re.findall(r"`(forge [^`]+)`", page) + re.findall(r"^(forge [^#\n]+)", page, re.M)
    for span in sorted(set(spans)):
        words = list(itertools.takewhile(re.compile("[a-z][a-z-]*").fullmatch, span.split()[1:]))
        with tempfile.TemporaryDirectory() as home:
            done = subprocess.run([program, *words, "--help"], capture_output=True, text=True, env={"FORGE_HOME": home})
        missing = set(re.findall(r" (--[a-z-]+)", span)) - set(re.findall(r"--[a-z-]+", done.stdout))
        expect(done.returncode == 0 and not missing, f"docs/operations.md: `{span}` is no command, or has no {missing or 'help'}")


def workflows():
    for path in sorted(ROOT.glob(".github/workflows/*.y*ml")):
        run(path.name, "check-jsonschema", "--builtin-schema", "vendor.github-workflows", path)
    run("action.yml", "check-jsonschema", "--builtin-schema", "vendor.github-actions", ROOT / "action.yml")


def main(program):
    image()
    compose()
    grace = gateway_file(program)
    kubernetes(grace)
    systemd(grace)
    workflows()
    commands(program)
    rules, asked = alerts(), dashboards()
    recorded = {rule["record"] for rule in rules if "record" in rule}
    asked += [(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules]
    known = figures.of(program)
    for place, expression in asked:
        for flaw in promql.flaws(expression, known, recorded, figures.values(ROOT, known)):
            failures.append(f"{place}: {flaw}")
    for failure in failures:
        print(f"deploy: {failure.rstrip()}", file=sys.stderr)
    print(f"deploy: {len(asked)} expressions of alerts and dashboards ask for what /metrics has" if not failures
          else f"deploy: {len(failures)} mistakes")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
