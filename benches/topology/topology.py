#!/usr/bin/env python3
"""Draws the same seeded graphs by eddy, Graphviz and dagre in one run, and prints CPU seconds and memory of whole processes.

    benches/topology/topology.py target/release/eddy [--sizes 30/55,1000/2000] [--rounds 3] [--limit 120]
                                 [--dagre DIRECTORY] [--files 1000] [--formats] [--crossings 100/200,300/700]
                                 [--large 300000/1000000] [--page big.html] [--json FILE]

A size is NODES/EDGES. eddy reads the graph as it saves it (`--format json`) and writes SVG as columns and as flow; `dot` and
`sfdp` read the same graph as DOT and write SVG; dagre, when DIRECTORY has it under node_modules, lays the same graph out from
left to right and writes nothing. CPU seconds are user and system time, medians of the rounds; memory is the largest resident
set. What takes longer than the limit (CPU seconds) is stopped and shown as such. `--files` also writes that many AsyncAPI 3
documents and measures `eddy graph --format json` on all of them. `--formats` measures the smallest graph in every format.
`--crossings` draws graphs without domains as flow and counts where arrows cross, beside what `dot -v` says of its own.
`--large` measures what comes of a graph that nobody means to draw. `--page` writes 10,000/50,000 as a page, for
`node benches/topology/page.mjs big.html`. What was aimed at stands behind a figure, with `met` or `missed`.

Graphs are bipartite: 30 % services, 70 % channels, one producer per channel and a few more, consumers by a falling popularity,
three quarters of them in the domain of the producer, domains of eight services.
"""

import argparse
import json
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

SIZES = "30/55,100/200,300/700,1000/2000,10000/20000,10000/50000,100000/500000"
FORMATS = ["text", "json", "jsonl", "svg", "html", "mermaid", "markdown", "dot", "d2", "plantuml", "graphml", "cytoscape", "backstage", "openlineage"]
LARGE = [["--format", "jsonl"], [], ["--check"], ["--format", "svg"], ["--format", "html"], ["--format", "mermaid"]]
# CPU seconds and mebibytes that are aimed at, by size and what was done.
AIMS = {
    ("1000/2000", "eddy flow"): (0.15, None),
    ("10000/20000", "eddy flow"): (1.5, None),
    ("10000/50000", "eddy columns"): (0.4, 150),
    ("10000/50000", "eddy flow"): (1.5, 150),
    ("100000/500000", "eddy columns"): (6, 1024),
    ("1000 files", "eddy json"): (0.5, None),
}
CROSSINGS_AIM = 1.2
DAGRE = """
const dagre = require(process.argv[1] + '/node_modules/' + process.argv[3]);
const { nodes, edges } = JSON.parse(require('fs').readFileSync(process.argv[2]));
const graph = new dagre.graphlib.Graph();
graph.setGraph({ rankdir: 'LR' }).setDefaultEdgeLabel(() => ({}));
for (const node of nodes) graph.setNode(node, { width: 120, height: 36 });
for (const [source, target] of edges) graph.setEdge(source, target);
dagre.layout(graph);
"""


def generated(nodes, edges, seed=7):
    """Services with their domains, channels, and who sends and receives."""
    chance = random.Random(f"{seed}/{nodes}/{edges}")
    services = max(2, nodes * 3 // 10)
    channels = nodes - services
    domain = [service // 8 for service in range(services)]
    sends, receives = {}, {}
    for channel in range(channels):
        sends[(chance.randrange(services), channel)] = True
    for _ in range(channels // 25):
        sends[(chance.randrange(services), chance.randrange(channels))] = True
    producer = {channel: service for service, channel in sends}
    most = services * channels - len(sends)
    while len(sends) + len(receives) < min(edges, most):
        # Squaring makes some channels far more popular than others.
        channel = int(channels * chance.random() ** 2)
        if chance.random() < 0.75:
            first = domain[producer[channel]] * 8
            service = min(services - 1, first + chance.randrange(8))
        else:
            service = chance.randrange(services)
        receives[(channel, service)] = True
    return services, channels, domain, sorted(sends), sorted(receives)


def saved(services, channels, domain, sends, receives):
    """The graph as eddy saves it."""
    place = [{"source": "generated", "pointer": "/x", "line": 1}]
    why = [{"kind": "asyncapi", "source": "generated", "pointer": "/x", "line": 1}]
    nodes = {}
    for service in range(services):
        name = f"service-{service}"
        nodes[f"service:{name}"] = {"label": name, "metadata": {
            "kind": "service", "name": name, "domain": f"domain-{domain[service]}", "declared": True, "defined_at": place}}
    for channel in range(channels):
        name = f"events/channel-{channel}"
        nodes[f"channel:mqtt/{name}"] = {"label": name, "metadata": {
            "kind": "channel", "name": name, "protocol": "mqtt", "messages": [], "declared": True, "defined_at": place}}

    def edge(relation, source, target):
        return {"id": f"{relation}:{source}:{target}", "source": source, "target": target, "relation": relation,
                "directed": True, "metadata": {"messages": [], "evidence": why}}

    edges = [edge("sends", f"service:service-{s}", f"channel:mqtt/events/channel-{c}") for s, c in sends]
    edges += [edge("receives", f"channel:mqtt/events/channel-{c}", f"service:service-{s}") for c, s in receives]
    return {"graph": {"id": "eddy:topology", "type": "service-event-topology", "directed": True, "label": "generated",
                      "metadata": {"schema": "eddy/topology/1", "generator": "eddy 0", "checks": [],
                                   "sources": [{"id": "generated", "kind": "asyncapi", "uri": "generated", "sha256": "0" * 64}],
                                   "counts": {"service": services, "channel": channels, "message": 0, "edge": len(edges)}},
                      "nodes": nodes, "edges": edges}}


def write_graph(folder, size):
    nodes, edges = (int(part) for part in size.split("/"))
    services, channels, domain, sends, receives = generated(nodes, edges)
    base = os.path.join(folder, size.replace("/", "-"))
    with open(base + ".json", "w") as out:
        json.dump(saved(services, channels, domain, sends, receives), out, indent=2)
    arrows = [(f"s{s}", f"c{c}") for s, c in sends] + [(f"c{c}", f"s{s}") for c, s in receives]
    with open(base + ".dot", "w") as out:
        out.write("digraph g {\n rankdir=LR;\n node [shape=box];\n")
        out.writelines(f" {source} -> {target};\n" for source, target in arrows)
        out.write("}\n")
    with open(base + ".pairs", "w") as out:
        names = [f"s{s}" for s in range(services)] + [f"c{c}" for c in range(channels)]
        json.dump({"nodes": names, "edges": arrows}, out)
    return base


def measured(command, limit):
    """CPU seconds and mebibytes of a process, or why there are none."""
    # Set from outside: a function to call before the start would make this whole interpreter be copied, at the child's expense.
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    resource.prlimit(child.pid, resource.RLIMIT_CPU, (limit, limit + 1))
    words = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = usage.ru_utime + usage.ru_stime
    if child.returncode < 0:
        return f"stopped after {seconds:.0f} s", None
    # A graph without a consumer somewhere is drawn all the same.
    if child.returncode not in (0, 1):
        sys.exit(f"{command}: {words.decode(errors='replace')}")
    return seconds, usage.ru_maxrss / 1024


def median(command, rounds, limit):
    seconds, sizes = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as new:
            took, memory = measured([part.replace("NEW", os.path.join(new, "catalog")) for part in command], limit)
        if memory is None:
            return took
        seconds.append(took)
        sizes.append(memory)
    return {"cpu_seconds": round(statistics.median(seconds), 4), "memory_mib": round(max(sizes), 1)}


WAY = re.compile(r'class="(?:sends|receives)[^"]*"(?: style="[^"]*")? d="M([^"]+)"')


def crossings(svg):
    """How often arrows of a flow cross: in each gap between two layers, pairs that change sides."""
    gaps = []
    for way in WAY.findall(svg):
        x, y = (float(part) for part in re.match(r"(-?[0-9.]+) (-?[0-9.]+)", way).groups())
        for mark, rest in re.findall(r"([CH])([^CH]*)", way):
            parts = [float(part) for part in rest.split()]
            if mark == "H":
                x = parts[0]
                continue
            ends = sorted([(x, y), (parts[-2], parts[-1])])
            gaps.append(((ends[0][0] + ends[1][0]) / 2, ends[0][1], ends[1][1]))
            x, y = parts[-2], parts[-1]
    gaps.sort()
    found, group = 0, []
    for number, gap in enumerate(gaps):
        group.append(gap)
        if number + 1 == len(gaps) or gaps[number + 1][0] - gap[0] > 40:
            found += sum((a[1] - b[1]) * (a[2] - b[2]) < 0 for at, a in enumerate(group) for b in group[:at])
            group = []
    return found


def compare_crossings(eddy, folder, size, seed):
    nodes, edges = (int(part) for part in size.split("/"))
    services, channels, domain, sends, receives = generated(nodes, edges, seed)
    graph = saved(services, channels, domain, sends, receives)
    for node in graph["graph"]["nodes"].values():
        node["metadata"].pop("domain", None)
    base = os.path.join(folder, f"crossings-{nodes}-{seed}")
    with open(base + ".json", "w") as out:
        json.dump(graph, out)
    with open(base + ".dot", "w") as out:
        out.write("digraph g {\n rankdir=LR;\n node [shape=box];\n")
        out.writelines(f" s{s} -> c{c};\n" for s, c in sends)
        out.writelines(f" c{c} -> s{s};\n" for c, s in receives)
        out.write("}\n")
    subprocess.run([eddy, "-q", "graph", base + ".json", "--view", "flow", "--output", base + ".svg"], check=False)
    with open(base + ".svg") as svg:
        own = crossings(svg.read())
    words = subprocess.run(["dot", "-v", "-Tdot", "-o", os.devnull, base + ".dot"], stderr=subprocess.PIPE, text=True, check=False).stderr
    told = re.findall(r"(\d+) crossings", words)
    return own, int(told[-1]) if told else None


def documents(folder, count):
    for number in range(count):
        with open(os.path.join(folder, f"service-{number}.asyncapi.yaml"), "w") as out:
            out.write(
                f"asyncapi: 3.0.0\ninfo:\n  title: service-{number}\n  version: 1.0.0\n  x-domain: domain-{number // 8}\n"
                "servers:\n  broker: {host: localhost, protocol: mqtt}\nchannels:\n"
                f"  own:\n    address: events/{number}\n    messages:\n      Happened{number}:\n        payload:\n          type: object\n"
                "          required: [id]\n          properties:\n            id: {type: string}\n            amount: {type: integer}\n"
                f"  other:\n    address: events/{(number * 7 + 3) % count}\n    messages:\n      Happened{(number * 7 + 3) % count}:\n"
                "        payload: {type: object}\n"
                "operations:\n  tell: {action: send, channel: {$ref: '#/channels/own'}}\n"
                "  hear: {action: receive, channel: {$ref: '#/channels/other'}}\n")


def peers(eddy, base, arguments):
    out = os.path.join(os.path.dirname(base), "out.svg")
    yield "eddy columns", [eddy, "-q", "graph", base + ".json", "--view", "columns", "--output", out]
    yield "eddy flow", [eddy, "-q", "graph", base + ".json", "--view", "flow", "--output", out]
    yield "eddy table", [eddy, "-q", "graph", base + ".json"]
    for program in ("dot", "sfdp"):
        if shutil.which(program):
            yield program, [program, "-Tsvg", "-o", out, base + ".dot"]
    if arguments.dagre and shutil.which("node"):
        for package in ("@dagrejs/dagre", "dagre"):
            if os.path.isdir(os.path.join(arguments.dagre, "node_modules", package)):
                directory = os.path.abspath(arguments.dagre)
                yield package, ["node", "-e", DAGRE, directory, base + ".pairs", package]
                break


def aim(size, peer):
    """What is aimed at: the smallest graph in any format is a whole process."""
    if size == "30/55" and peer.startswith("eddy"):
        return 0.005, None
    return AIMS.get((size, peer))


def judged(size, peer, found):
    wanted = aim(size, peer)
    if wanted is None:
        return ""
    seconds, memory = wanted
    words = f"aim < {seconds} s" + (f" within {memory} MiB" if memory else "")
    met = not isinstance(found, str) and found["cpu_seconds"] < seconds and (not memory or found["memory_mib"] <= memory)
    return f"   {words}: {'met' if met else 'missed'}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("eddy")
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=120, help="CPU seconds")
    parser.add_argument("--dagre", help="directory in which dagre is installed by npm")
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--formats", action="store_true", help="also the smallest graph in every format")
    parser.add_argument("--crossings", metavar="SIZES", help="count crossings of these sizes, such as 100/200,300/700, with --seeds")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--large", metavar="SIZE", help="also a graph that nobody means to draw, such as 300000/1000000")
    parser.add_argument("--page", metavar="FILE", help="write the page of 10,000/50,000 here, for page.mjs")
    parser.add_argument("--json", help="also write the figures here")
    arguments = parser.parse_args()
    eddy = os.path.abspath(arguments.eddy)
    results = []

    def show(size, peer, found):
        results.append({"size": size, "peer": peer, "result": found})
        words = found if isinstance(found, str) else f"{found['cpu_seconds']:>9.3f} s {found['memory_mib']:>8.1f} MiB"
        print(f"{size:>15}  {peer:<16} {words}{judged(size, peer, found)}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        too_slow = set()
        for size in arguments.sizes.split(","):
            base = write_graph(folder, size)
            for peer, command in peers(eddy, base, arguments):
                if peer in too_slow:
                    show(size, peer, "not tried: stopped at a smaller size")
                    continue
                found = median(command, arguments.rounds, arguments.limit)
                if isinstance(found, str):
                    too_slow.add(peer)
                show(size, peer, found)
        if arguments.formats:
            size = arguments.sizes.split(",")[0]
            base = os.path.join(folder, size.replace("/", "-"))
            for form in FORMATS:
                command = [eddy, "-q", "graph", base + ".json", "--format", form]
                show(size, f"eddy {form}", median(command, arguments.rounds, arguments.limit))
            command = [eddy, "-q", "graph", base + ".json", "--format", "eventcatalog", "--output", "NEW"]
            show(size, "eddy eventcatalog", median(command, arguments.rounds, arguments.limit))
        for size in (arguments.crossings or "").split(",") if arguments.crossings else []:
            for seed in range(arguments.seeds):
                own, dot = compare_crossings(eddy, folder, size, seed)
                ratio = own / dot if dot else float("nan")
                verdict = "met" if ratio <= CROSSINGS_AIM else "missed"
                results.append({"size": size, "peer": f"crossings {seed}", "result": {"eddy": own, "dot": dot}})
                print(f"{size:>15}  crossings, seed {seed}: eddy {own}, dot {dot}, {ratio:.2f} x"
                      f"   aim <= {CROSSINGS_AIM} x: {verdict}", flush=True)
        if arguments.large:
            base = write_graph(folder, arguments.large)
            for options in LARGE:
                command = [eddy, "-q", "graph", base + ".json", *options]
                show(arguments.large, " ".join(["eddy", *options]), median(command, 1, arguments.limit))
        if arguments.page:
            base = write_graph(folder, "10000/50000")
            subprocess.run([eddy, "-q", "graph", base + ".json", "--format", "html", "--output", arguments.page], check=False)
            print(f"{os.path.getsize(arguments.page) / 1e6:.1f} MB: node benches/topology/page.mjs {arguments.page}")
        if arguments.files:
            documents(folder, arguments.files)
            pattern = os.path.join(folder, "*.asyncapi.yaml")
            command = [eddy, "-q", "graph", pattern, "--format", "json"]
            show(f"{arguments.files} files", "eddy json", median(command, arguments.rounds, arguments.limit))
    if arguments.json:
        with open(arguments.json, "w") as out:
            json.dump(results, out, indent=2)


if __name__ == "__main__":
    main()
