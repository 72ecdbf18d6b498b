#!/usr/bin/env python3
"""Makes a whole service by eddy, cargo-generate, copier and the AsyncAPI generator in one run, and prints what each process takes.

    benches/scaffold/scaffold.py target/release/eddy [--rounds 20] [--copier PROGRAM] [--cargo-generate PROGRAM]
                                 [--generator DIRECTORY] [--json FILE]

eddy makes a service in every language from the orders contract. cargo-generate and copier know no contracts: they get the files
of eddy's TypeScript service as a template of their own, in which the name of the service is asked for, so that they write as
many files and bytes. The AsyncAPI generator makes its own Node.js service from the orders in AsyncAPI 2; DIRECTORY has it under
node_modules (`npm install --ignore-scripts @asyncapi/generator@1.17.25 @asyncapi/nodejs-template@3.0.0`; both run on Node 20).
Tools that are not there are left out and said.

A figure is one whole process, from start to end, nothing kept from the one before but the system's cache of files. Seconds are
by the clock, median and least of the rounds, tools in turn in every round; CPU is user and system time, the median. Ratios are
of the medians to eddy's TypeScript service.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ORDERS = os.path.join(ROOT, "tests", "fixtures", "orders")
NAME = "made-service"
# Milliseconds that are aimed at for a whole service.
AIM_MS = 50


def as_template(project, target, suffix, placeholder):
    """The files of a project as a template whose one question is the name of the service; returns how many there are."""
    count = 0
    for directory, _, files in os.walk(project):
        for file in files:
            path = os.path.join(directory, file)
            place = os.path.join(target, os.path.relpath(path, project))
            if os.path.relpath(path, project).startswith(".eddy"):
                continue
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(path, encoding="utf-8") as source:
                parts = source.read().split(NAME)
            with open(place + suffix, "w", encoding="utf-8") as written:
                written.write(placeholder.join(f"{{% raw %}}{part}{{% endraw %}}" for part in parts))
            count += 1
    return count


def tools(options, work):
    """What is measured: name and a function that gives the command for a target directory."""
    eddy = os.path.abspath(options.eddy)
    listed = subprocess.run([eddy, "template", "list", "--format", "json"], check=True, stdout=subprocess.PIPE).stdout
    names = [one["name"] for one in json.loads(listed)["templates"] if one["name"].endswith("-service")]

    def made(template):
        return lambda target: [eddy, "--quiet", "new", template, target, "--contract", os.path.join(ORDERS, "orders-v3.yaml"),
                               "--set", f"service_name={NAME}", "--set", "broker=nats", "--defaults"]

    found = {f"eddy {name}": made(name) for name in names}
    project = os.path.join(work, "project")
    subprocess.run(made("typescript-service")(project), check=True)
    copier = shutil.which(options.copier)
    if copier:
        template = os.path.join(work, "copier")
        as_template(project, template, ".jinja", "{{ service_name }}")
        with open(os.path.join(template, "copier.yml"), "w", encoding="utf-8") as questions:
            questions.write(f"service_name: {{type: str, default: {NAME}}}\n")
        found["copier"] = lambda target: [copier, "copy", "--defaults", "--quiet", template, target]
    generate = shutil.which(options.cargo_generate)
    if generate:
        template_of_cargo = os.path.join(work, "cargo-generate")
        as_template(project, template_of_cargo, "", "{{ project-name }}")
        found["cargo-generate"] = lambda target: [
            generate, "generate", "--path", template_of_cargo, "--name", NAME, "--vcs", "none", "--silent",
            "--destination", os.path.dirname(target), "--allow-commands", "--no-workspace"]
    generator = options.generator and os.path.join(options.generator, "node_modules", ".bin", "ag")
    if generator and os.path.exists(generator):
        found["AsyncAPI generator"] = lambda target: [
            os.path.abspath(generator), os.path.join(ORDERS, "orders-v2-mqtt.yaml"), "@asyncapi/nodejs-template",
            "-o", target, "-p", "server=production", "--force-write"]
    for name, is_there in (("copier", copier), ("cargo-generate", generate), ("AsyncAPI generator", "AsyncAPI generator" in found)):
        if not is_there:
            print(f"NOT MEASURED: {name} is not there", file=sys.stderr)
    return found


def once(command, directory):
    """Seconds by the clock and of CPU of one process that must end well."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"$ {' '.join(command)}\n{done.stdout}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured(found, options, work):
    """Every tool in turn, so that a busy moment hits all; what a first run pays is not counted."""
    taken = {name: [] for name in found}
    for number in range(options.rounds + 1):
        for name, command in found.items():
            parent = os.path.join(work, f"{number}-{len(taken[name])}-{name.replace(' ', '-')}")
            os.mkdir(parent)
            # The AsyncAPI generator looks for its template where it is started.
            directory = options.generator if name == "AsyncAPI generator" else parent
            one = once(command(os.path.join(parent, NAME)), directory)
            files = sum(len(files) for _, _, files in os.walk(parent))
            shutil.rmtree(parent)
            if number > 0:
                taken[name].append((*one, files))
    return taken


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("eddy")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--copier", default="copier")
    parser.add_argument("--cargo-generate", default="cargo-generate")
    parser.add_argument("--generator", metavar="DIRECTORY")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    options.generator = options.generator and os.path.abspath(options.generator)
    with tempfile.TemporaryDirectory() as work:
        taken = measured(tools(options, work), options, work)
    rows = []
    base = statistics.median(one[0] for one in taken["eddy typescript-service"])
    print(f"{'':26} {'files':>5} {'median':>10} {'least':>10} {'CPU':>10} {'ratio':>7}")
    for name, all_of_it in taken.items():
        seconds, cpu, files = zip(*all_of_it)
        row = {"tool": name, "files": files[0], "median_ms": 1000 * statistics.median(seconds),
               "least_ms": 1000 * min(seconds), "cpu_ms": 1000 * statistics.median(cpu)}
        row["ratio"] = row["median_ms"] / base / 1000
        rows.append(row)
        aim = (f"  {'met' if row['median_ms'] < AIM_MS else 'missed'} (aim {AIM_MS} ms)") if name.startswith("eddy") else ""
        print(f"{name:26} {row['files']:5} {row['median_ms']:7.1f} ms {row['least_ms']:7.1f} ms {row['cpu_ms']:7.1f} ms "
              f"{row['ratio']:7.1f}{aim}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"rounds": options.rounds, "rows": rows}, file, indent=2)


if __name__ == "__main__":
    main()
