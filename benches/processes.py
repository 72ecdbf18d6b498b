#!/usr/bin/env python3
"""Times whole processes: eddy beside the tools people use today, in one run, as ratios.

    benches/processes.py target/release/eddy [--runs 9] [--peer NAME=COMMAND ...]

Peers found on PATH (asyncapi, spectral, jq) are taken along; others are given with --peer, where {small} and {large}
in the command stand for the documents. Wall and CPU seconds are medians, memory is the largest resident set.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


def document(channels):
    """An AsyncAPI 3.0 document of about 66 lines per channel."""
    lines = ["asyncapi: 3.0.0", "info:", "  title: Generated", "  version: 1.0.0", "servers:",
             "  main: { host: 'localhost:9092', protocol: kafka }", "channels:"]
    for n in range(channels):
        lines += [f"  channel{n}:", f"    address: area{n % 7}.topic{n}", "    description: One of many.",
                  "    messages:", f"      Event{n}: {{ $ref: '#/components/messages/Event{n}' }}"]
    lines.append("operations:")
    for n in range(channels):
        action = "send" if n % 2 else "receive"
        lines += [f"  operation{n}:", f"    action: {action}", "    channel:", f"      $ref: '#/channels/channel{n}'",
                  "    messages:", f"      - $ref: '#/channels/channel{n}/messages/Event{n}'"]
    lines += ["components:", "  messages:"]
    for n in range(channels):
        lines += [f"    Event{n}:", f"      name: Event{n}", f"      title: Event number {n}",
                  "      contentType: application/json", "      payload:",
                  f"        $ref: '#/components/schemas/Payload{n}'", "      examples:", "        - payload:",
                  "            id: 5d2f7a9e-6f0c-4f57-9d0e-0c9b1a6f2c11", "            createdAt: '2026-11-01T09:30:00Z'"]
    lines.append("  schemas:")
    for n in range(channels):
        lines += [f"    Payload{n}:", "      type: object", "      required: [id, createdAt]", "      properties:",
                  "        id:", "          type: string", "          format: uuid",
                  "        createdAt:", "          type: string", "          format: date-time"]
        for field in range(10):
            lines += [f"        field{field}:", "          type: string", "          maxLength: 80"]
    return "\n".join(lines) + "\n"


def measure(command, runs):
    wall, cpu, memory, code = [], [], 0, 0
    for _ in range(runs):
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall.append(time.perf_counter() - began)
        cpu.append(usage.ru_utime + usage.ru_stime)
        memory = max(memory, usage.ru_maxrss / 1024)
        code = child.returncode
    return statistics.median(wall), statistics.median(cpu), memory, code


def cases(eddy, small, large, peers):
    known = {
        "asyncapi": {"start": "--version", "small": "validate {small}", "large": "validate {large}"},
        "jq": {"start": "--version"},
    }
    found = {"eddy": (eddy, {"start": "--version", "small": "validate {small}", "large": "validate {large}"})}
    for name, arguments in known.items():
        path = peers.get(name) or shutil.which(name)
        if path:
            found[name] = (path, arguments)
    ruleset = os.path.join(os.path.dirname(small), "ruleset.yaml")
    with open(ruleset, "w") as file:
        file.write('extends: ["spectral:asyncapi"]\n')
    spectral = peers.get("spectral") or shutil.which("spectral")
    if spectral:
        lint = f"lint --ruleset {ruleset} "
        found["spectral"] = (spectral, {"start": "--version", "small": lint + "{small}", "large": lint + "{large}"})
    for case in ("start", "small", "large"):
        for name, (path, arguments) in found.items():
            if case in arguments:
                words = arguments[case].replace("{small}", small).replace("{large}", large).split()
                yield case, name, path.split() + words


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("eddy")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--small", help="a document of your own instead of the generated one of 3 channels")
    parser.add_argument("--large", help="a document of your own instead of the generated one of 100 channels")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND")
    options = parser.parse_args()
    peers = dict(peer.split("=", 1) for peer in options.peer)
    with tempfile.TemporaryDirectory() as directory:
        paths = {}
        for name, channels in (("small", 3), ("large", 100)):
            paths[name] = getattr(options, name) or os.path.join(directory, name + ".yaml")
            if not getattr(options, name):
                with open(paths[name], "w") as file:
                    file.write(document(channels))
            os.environ["SUPPRESS_NO_CONFIG_WARNING"] = "1"
        small = os.path.abspath(paths["small"])
        if options.small:
            copy = os.path.join(directory, "small.yaml")
            shutil.copy(small, copy)
            small = copy
        print(f"{'case':8}{'tool':12}{'wall ms':>10}{'cpu ms':>10}{'MiB':>8}{'exit':>6}{'cpu ratio to eddy':>20}")
        base = {}
        for case, name, command in cases(options.eddy, small, os.path.abspath(paths["large"]), peers):
            wall, cpu, memory, code = measure(command, options.runs)
            base.setdefault(case, max(cpu, 1e-4))
            print(f"{case:8}{name:12}{wall * 1e3:10.1f}{cpu * 1e3:10.1f}{memory:8.1f}{code:6}{cpu / base[case]:20.1f}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
