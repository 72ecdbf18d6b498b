#!/usr/bin/env python3
"""Times `eddy validate` beside other validators, in one run, as ratios of CPU seconds.

    benches/validate/validate.py target/release/eddy --peers DIR [--runs 5] [--events 100000] [--only events|documents|stream]

DIR is a folder into which the peers were installed:

    npm install --prefix DIR ajv ajv-formats @sourcemeta/jsonschema
    npm install --prefix DIR/cli @asyncapi/cli        # brings Spectral with it
    npm install --prefix DIR/vacuum @quobix/vacuum    # fetches its program from GitHub while it installs
    python3 -m venv DIR/py && DIR/py/bin/pip install check-jsonschema
    cargo install --root DIR jsonschema-cli

Whatever is not there is left out. `events` checks events of about 600 bytes and 15 fields with formats asserted,
`documents` checks AsyncAPI documents of three sizes and a thousand small ones, `stream` checks one large file with
planted faults: all of them must be found, at their lines, and nothing else, in memory that does not grow.
"""

import argparse
import json
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from processes import document  # noqa: E402

TEXT = {"type": "string"}
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "type", "source", "time", "order", "customer", "status", "currency", "total", "items", "address"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "type": {"const": "shop.order.placed"},
        "source": {"type": "string", "format": "uri-reference", "minLength": 1},
        "time": {"type": "string", "format": "date-time"},
        "order": {"type": "string", "pattern": "^ORD-[0-9]{8}$"},
        "customer": {"type": "integer", "minimum": 1},
        "status": {"enum": ["placed", "paid", "shipped", "delivered", "cancelled"]},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "total": {"type": "number", "minimum": 0},
        "items": {"type": "array", "minItems": 1, "maxItems": 20, "items": {
            "type": "object", "additionalProperties": False, "required": ["sku", "quantity", "price"],
            "properties": {"sku": {"type": "string", "minLength": 3, "maxLength": 24},
                           "quantity": {"type": "integer", "minimum": 1, "maximum": 999},
                           "price": {"type": "number", "exclusiveMinimum": 0}}}},
        "address": {"$ref": "#/$defs/address"},
        "email": {"type": "string", "format": "email"},
        "tags": {"type": "array", "items": TEXT, "uniqueItems": True, "maxItems": 8},
        "priority": {"type": "integer", "minimum": 0, "maximum": 9},
        "note": {"type": ["string", "null"], "maxLength": 200},
    },
    "$defs": {"address": {
        "type": "object", "required": ["street", "city", "country", "postcode"],
        "properties": {"street": TEXT, "city": TEXT, "country": {"type": "string", "minLength": 2, "maxLength": 2},
                       "postcode": {"type": "string", "pattern": "^[0-9A-Z -]{3,10}$"}}}},
}
WORDS = "alder basalt cove dune elm fern gorse heath islet juniper".split()
FAULTS = {
    "required": lambda event: event.pop("order"),
    "type": lambda event: event.update(total="much"),
    "enum": lambda event: event.update(status="PLACED"),
    "pattern": lambda event: event.update(currency="eur"),
    "unknown": lambda event: event.update(colour="red"),
    "range": lambda event: event["items"][0].update(quantity=0),
}


def event(chance):
    items = [{"sku": f"{chance.choice(WORDS)}-{chance.randrange(10 ** 6):06d}", "quantity": chance.randrange(1, 9),
              "price": round(chance.uniform(1, 400), 2)} for _ in range(chance.randrange(2, 4))]
    clock = f"{chance.randrange(24):02d}:{chance.randrange(60):02d}:{chance.randrange(60):02d}.{chance.randrange(1000):03d}"
    return {
        "id": str(uuid.UUID(int=chance.getrandbits(128), version=4)), "type": "shop.order.placed",
        "source": f"/shops/{chance.randrange(400)}/checkout",
        "time": f"2026-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}T{clock}Z",
        "order": f"ORD-{chance.randrange(10 ** 8):08d}", "customer": chance.randrange(1, 10 ** 7),
        "status": chance.choice(SCHEMA["properties"]["status"]["enum"]), "currency": chance.choice(["EUR", "USD", "SEK"]),
        "total": round(sum(item["quantity"] * item["price"] for item in items), 2), "items": items,
        "address": {"street": f"{chance.randrange(1, 400)} {chance.choice(WORDS).title()} Street",
                    "city": chance.choice(WORDS).title() + "ham", "country": chance.choice(["DE", "FR", "SE"]),
                    "postcode": str(chance.randrange(10000, 99999))},
        "email": f"{chance.choice(WORDS)}.{chance.choice(WORDS)}{chance.randrange(9999)}@example.com",
        "tags": chance.sample(WORDS, 3), "priority": chance.randrange(10),
        "note": None if chance.random() < 0.3 else " ".join(chance.choice(WORDS) for _ in range(8)),
    }


def write_events(path, count, share_of_faults=0.0, distinct=100_000):
    """Writes events, after `distinct` of them the same again; gives back the lines with a fault, and which."""
    chance = random.Random(7)
    dump = lambda made: json.dumps(made, separators=(",", ":")) + "\n"  # noqa: E731
    lines, faults = [], {}
    with open(path, "w") as file:
        for number in range(1, count + 1):
            if number <= distinct:
                lines.append(dump(event(chance)))
            line = lines[(number - 1) % distinct]
            if chance.random() < share_of_faults:
                faults[number] = chance.choice(list(FAULTS))
                made = json.loads(line)
                FAULTS[faults[number]](made)
                line = dump(made)
            file.write(line)
    return faults


def apart(make, *arguments):
    """Makes something in a process of its own: what it takes there must not be counted as memory of those measured here."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(make, arguments)


def measure(command, runs, environment=None):
    wall, cpu, memory, code = [], [], 0, 0
    for _ in range(runs):
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall.append(time.perf_counter() - began)
        cpu.append(usage.ru_utime + usage.ru_stime)
        memory = max(memory, usage.ru_maxrss / 1024)
        code = child.returncode
    return statistics.median(wall), statistics.median(cpu), memory, code


class Table:
    """Rows of one run, as they are measured; the first of a case is what the others are held against."""

    def __init__(self):
        self.base = {}
        print("| case | tool | wall s | CPU s | MiB | exit | CPU beside eddy |\n|---|---|---|---|---|---|---|")

    def row(self, case, tool, command, runs, count=None, environment=None):
        wall, cpu, memory, code = measure(command, runs, environment)
        # A tool that takes fewer events is held against eddy by the event.
        cpu_each = cpu / count if count else cpu
        base = self.base.setdefault(case, max(cpu_each, 1e-9))
        rate = f", {count / cpu:,.0f}/s" if count else ""
        print(f"| {case} | {tool}{rate} | {wall:.3f} | {cpu:.3f} | {memory:.0f} | {code} | {cpu_each / base:.1f} |", flush=True)


def first_there(peers, *names):
    paths = [os.path.join(folder, name) for folder in peers for name in names]
    return next((path for path in paths if os.path.exists(path)), None)


def contract(directory):
    path = os.path.join(directory, "contract.yaml")
    with open(path, "w") as file:
        json.dump({**SCHEMA, "x-event": {"type": "OrderPlaced", "channel": "orders"}}, file)
    return path


def events(options, directory, table):
    lines, schema = os.path.join(directory, "events.jsonl"), os.path.join(directory, "schema.json")
    apart(write_events, lines, options.events)
    with open(schema, "w") as file:
        json.dump(SCHEMA, file)
    command = [options.eddy, "validate", contract(directory), "--events", lines]
    table.row("events", "eddy, all errors with places", command, options.runs, options.events)
    here = os.path.dirname(os.path.abspath(__file__))
    home = next((folder for folder in options.peers if os.path.isdir(os.path.join(folder, "node_modules/ajv"))), None)
    if home:
        for mode in ("first", "all"):
            command = ["node", os.path.join(here, "ajv.js"), schema, lines, mode]
            table.row("events", f"ajv compiled, {mode} error{'s' if mode == 'all' else ''}", command, options.runs, options.events, {**os.environ, "PEERS": home})
    native = first_there(options.peers, "node_modules/@sourcemeta/jsonschema/build/github-releases/jsonschema-linux-x86_64")
    if native:
        for flags in (["--fast"], []):
            command = [native, "validate", *flags, "--format-assertion", schema, lines]
            table.row("events", " ".join(["sourcemeta jsonschema", *flags]), command, options.runs, options.events)
    python = first_there(options.peers, "py/bin/check-jsonschema")
    rust = first_there(options.peers, "bin/jsonschema-cli")
    if python or rust:
        few = min(options.events, 5_000)
        array, of_many = os.path.join(directory, "few.json"), os.path.join(directory, "array.json")
        with open(lines) as source, open(array, "w") as file:
            file.write("[" + ",".join(next(source) for _ in range(few)) + "]")
        with open(of_many, "w") as file:
            json.dump({"$schema": SCHEMA["$schema"], "type": "array", "items": {k: v for k, v in SCHEMA.items() if k != "$defs"},
                       "$defs": SCHEMA["$defs"]}, file)
        if rust:
            command = [rust, "validate", of_many, "-i", array, "--assert-format", "--errors-only"]
            table.row("events", f"jsonschema-cli ({few:,} events as a list)", command, options.runs, few)
        if python:
            command = [python, "--schemafile", of_many, array]
            table.row("events", f"check-jsonschema ({few:,} events as a list)", command, 1, few)


def documents(options, directory, table):
    os.environ["SUPPRESS_NO_CONFIG_WARNING"] = "1"
    ruleset = os.path.join(directory, "ruleset.yaml")
    with open(ruleset, "w") as file:
        file.write('extends: ["spectral:asyncapi"]\n')
    asyncapi = first_there(options.peers, "cli/node_modules/.bin/asyncapi", "node_modules/.bin/asyncapi")
    spectral = first_there(options.peers, "cli/node_modules/.bin/spectral", "node_modules/.bin/spectral")
    vacuum = first_there(options.peers, "vacuum/node_modules/.bin/vacuum", "node_modules/.bin/vacuum")
    for channels in (3, 100, 1000):
        path = os.path.join(directory, f"document{channels}.yaml")
        text = document(channels)
        with open(path, "w") as file:
            file.write(text)
        case, runs = f"{text.count(chr(10)):,} lines", options.runs if channels < 1000 else 1
        table.row(case, "eddy", [options.eddy, "validate", path], options.runs)
        if asyncapi:
            table.row(case, "AsyncAPI CLI", [asyncapi, "validate", path], runs)
        if spectral:
            table.row(case, "Spectral", [spectral, "lint", "-q", "--ruleset", ruleset, path], runs)
        if vacuum:
            table.row(case, "vacuum", [vacuum, "lint", "-b", path], runs)
    folder = os.path.join(directory, "many")
    os.mkdir(folder)
    for number in range(1000):
        with open(os.path.join(folder, f"service{number}.yaml"), "w") as file:
            file.write(document(3))
    table.row("1,000 documents", "eddy", [options.eddy, "validate", folder], options.runs)


def lines_found(command):
    output = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    return sorted({finding["range"]["start"]["line"] for finding in json.loads(output)["diagnostics"]})


def stream(options, directory):
    """One large file: every planted fault at its line, nothing else, and the memory that took."""
    path = os.path.join(directory, "stream.ndjson")
    faults = apart(write_events, path, options.stream_events, 0.01, 20_000)
    command = [options.eddy, "validate", contract(directory), "--events", path, "--format", "json", "--max-findings", "10000000"]
    found = apart(lines_found, command)
    verdict = "all found, nothing else" if found == sorted(faults) else "DIFFERENT"
    print(f"\n{os.path.getsize(path):,} bytes, {options.stream_events:,} events, {len(faults):,} faults planted: {verdict}")
    for share in (10, 1):
        part = os.path.join(directory, "part.ndjson")
        with open(path) as source, open(part, "w") as file:
            for _, line in zip(range(options.stream_events // share), source):
                file.write(line)
        wall, cpu, memory, _ = measure([*command[:4], part], 1)
        print(f"{os.path.getsize(part):,} bytes: {wall:.1f} s, {cpu:.1f} s of CPU, {memory:.0f} MiB")
    if found != sorted(faults):
        sys.exit(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("eddy")
    parser.add_argument("--peers", action="append", default=[], metavar="DIR")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--stream-events", type=int, default=1_700_000)
    parser.add_argument("--only", choices=["events", "documents", "stream"])
    parser.add_argument("--scratch", help="where to put generated files (default: the temporary directory)")
    options = parser.parse_args()
    options.peers = [os.path.abspath(folder) for folder in options.peers]
    options.eddy = os.path.abspath(options.eddy)
    with tempfile.TemporaryDirectory(dir=options.scratch) as directory:
        if options.only != "stream":
            table = Table()
            if options.only != "documents":
                events(options, directory, table)
            if options.only != "events":
                documents(options, directory, table)
        if options.only in (None, "stream"):
            stream(options, directory)


if __name__ == "__main__":
    main()
