#!/usr/bin/env python3
"""Times `eddy fmt`, `convert` and `bundle` beside Prettier and the AsyncAPI CLI, in one run, as ratios of CPU time.

    benches/editing.py target/release/eddy [--runs 5] [--asyncapi PATH] [--prettier PATH] [--channels 100 1000]

`asyncapi format` lays nothing out: it turns YAML into JSON, which is what is timed.

Documents of about 66 lines per channel are made in a temporary folder: one in AsyncAPI 3.0 for `fmt`, the same in 2.6 for
`convert`, and one whose messages and schemas stand in a second file for `bundle`. Medians; memory is the largest resident set.
"""

import argparse
import os
import shutil
import tempfile

from processes import document, measure


def older(channels):
    """What `document` makes, in AsyncAPI 2.6."""
    lines = document(channels).split("\n")
    head = ["asyncapi: 2.6.0", "info:", "  title: Generated", "  version: 1.0.0", "servers:",
            "  main: { url: 'localhost:9092', protocol: kafka }", "channels:"]
    for n in range(channels):
        verb = "subscribe" if n % 2 else "publish"
        head += [f"  area{n % 7}.topic{n}:", "    description: One of many.", f"    {verb}:",
                 f"      operationId: operation{n}", "      message:",
                 f"        $ref: '#/components/messages/Event{n}'"]
    return "\n".join(head + lines[lines.index("components:"):])


def split(channels):
    """What `document` makes, in two files."""
    lines = document(channels).split("\n")
    at = lines.index("components:")
    main = "\n".join(lines[:at]).replace("'#/components/", "'parts.yaml#/components/")
    return main + "\n", "\n".join(lines[at:])


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def cases(eddy, asyncapi, prettier, channels, folder):
    """Name, and the command of each tool."""
    laid, old = write(folder, "laid.yaml", document(channels)), write(folder, "old.yaml", older(channels))
    main, parts = split(channels)
    main, _ = write(folder, "main.yaml", main), write(folder, "parts.yaml", parts)
    out = os.path.join(folder, "out.yaml")
    def peers(arguments):
        return [("AsyncAPI CLI", [asyncapi, *arguments])] if asyncapi else []

    laying = [("Prettier", [prettier, "--check", laid])] if prettier else []
    yield "fmt", [("eddy", [eddy, "fmt", "--check", laid]), *laying,
                  *peers(["format", laid, "-f", "json", "-o", os.path.join(folder, "out.json")])]
    yield "convert", [("eddy", [eddy, "convert", old, "--to", "3.0.0", "-o", out]),
                      *peers(["convert", old, "--format", "asyncapi", "-t", "3.0.0", "-o", out])]
    yield "bundle", [("eddy", [eddy, "bundle", main, "-o", out]), *peers(["bundle", main, "-o", out])]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("eddy")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--asyncapi", default=shutil.which("asyncapi"))
    parser.add_argument("--prettier", default=shutil.which("prettier"))
    parser.add_argument("--channels", type=int, nargs="+", default=[100, 1000])
    options = parser.parse_args()
    os.environ["ASYNCAPI_METRICS"] = "false"
    print("| case | tool | wall ms | CPU ms | MiB | CPU beside eddy | |\n|---|---|---|---|---|---|---|")
    for channels in options.channels:
        with tempfile.TemporaryDirectory() as folder:
            lines = document(channels).count("\n")
            for name, tools in cases(options.eddy, options.asyncapi, options.prettier, channels, folder):
                base = None
                for tool, command in tools:
                    wall, cpu, memory, code = measure(command, options.runs)
                    base = base or cpu
                    print(f"| {name} {lines:,} lines | {tool} | {wall * 1000:.1f} | {cpu * 1000:.1f} | {memory:.0f} | "
                          f"{cpu / base:.1f} | exit {code} |", flush=True)


if __name__ == "__main__":
    main()
