#!/usr/bin/env python3
"""Seek by time and peak memory of `eddy archive` on a large recording.

    cargo build --release && python3 benches/archive.py --gigabytes 10

Prints the time from the start of `eddy archive cat --from TIME -n 1` to its end, less that of `eddy --version`, and the peak
resident memory of each command. Conversions read its last fifth. Takes about two and a half times as much disk as the recording is large, in a folder that goes
at the end.
"""

import argparse
import base64
import glob
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time

MOST_SEEK_MS = 50
MOST_MEMORY_MB = 100


def run(command, **more):
    """Wall time in milliseconds and peak memory in MB."""
    begun = time.perf_counter()
    child = subprocess.Popen(command, stdout=more.pop("stdout", subprocess.DEVNULL), **more)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    elapsed = (time.perf_counter() - begun) * 1000
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return elapsed, usage.ru_maxrss / 1024


def generate(eddy, path, size):
    """A recording of at least `size` bytes with one event per millisecond; returns its number of events."""
    numbers = random.Random(1)
    noise = base64.b64encode(numbers.randbytes(8 << 20)).decode()
    child = subprocess.Popen([eddy, "archive", "slice", "-", "--quiet", "--output", path], stdin=subprocess.PIPE)
    count, written = 0, 0
    # Base64 packs to three quarters.
    while written * 3 / 4 < size:
        lines = []
        for _ in range(256):
            count += 1
            at = numbers.randrange(len(noise) - 2000)
            text = noise[at : at + 1200]
            lines.append(f'{{"n":{count},"t":{count * 1000},"src":"orders.{count % 8}","v":"{numbers.getrandbits(4000):x}{text}"}}\n')
        block = "".join(lines).encode()
        child.stdin.write(block)
        written += len(block)
    child.stdin.close()
    if child.wait() != 0:
        raise SystemExit("the recording could not be made")
    return count


def instant(number):
    """The time of an event, from its number."""
    when = number * 1000
    day = when // 1_000_000 // 86_400 + 1
    return f"1970-01-{day:02}T{time.strftime('%H:%M:%S', time.gmtime(when // 1_000_000))}.{when % 1_000_000:06}Z"


def seeks(eddy, path, count):
    """Milliseconds of twenty seeks to places all over the file."""
    numbers = random.Random(2)
    idle = statistics.median(run([eddy, "--version"])[0] for _ in range(10))
    found = []
    for _ in range(20):
        stamp = instant(numbers.randrange(1, count))
        found.append(run([eddy, "archive", "cat", path, "--from", stamp, "-n", "1"])[0] - idle)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--eddy", default="target/release/eddy")
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--parquet", action="store_true", help="Parquet too, of a build with the feature `lake`")
    parser.add_argument("--folder", help="where to work (default: the system's place for temporary files)")
    options = parser.parse_args()
    eddy = os.path.abspath(options.eddy)
    folder = tempfile.mkdtemp(prefix="eddy-bench-", dir=options.folder)
    try:
        path = os.path.join(folder, "a.eddy.ndjson.zst")
        count = generate(eddy, path, options.gigabytes * 1e9)
        print(f"recording: {count} events, {os.path.getsize(path) / 1e9:.2f} GB")
        found = seeks(eddy, path, count)
        print(f"seek by time: median {statistics.median(found):.1f} ms, worst {max(found):.1f} ms (at most {MOST_SEEK_MS} ms)")
        out = lambda name: os.path.join(folder, name)
        part = out("b.eddy.ndjson.zst")
        commands = {
            "cat": ["archive", "cat", path],
            "verify": ["archive", "verify", path],
            "stats": ["archive", "stats", path],
            "slice": ["archive", "slice", path, "--from", instant(count * 4 // 5), "--output", part],
            "merge": ["archive", "merge", path, part, "--output", out("m.eddy.ndjson.zst")],
            "split": ["archive", "split", path, "--size", "256MiB", "--output", out("s.eddy.ndjson.zst")],
            "convert to csv": ["archive", "convert", part, "--output", out("a.csv")],
            "convert from csv": ["archive", "convert", out("a.csv"), "--output", out("c.eddy.ndjson.zst")],
            "convert to avro": ["archive", "convert", part, "--output", out("a.avro")],
            "convert from avro": ["archive", "convert", out("a.avro"), "--force", "--output", out("c.eddy.ndjson.zst")],
            "replay": ["replay", path, "--to", "/dev/null", "--speed", "max", "--yes"],
        }
        if options.parquet:
            commands["convert to parquet"] = ["archive", "convert", part, "--output", out("a.parquet")]
            back = ["archive", "convert", out("a.parquet"), "--force", "--output", out("c.eddy.ndjson.zst")]
            commands["convert from parquet"] = back
        worst = 0
        for name, command in commands.items():
            elapsed, memory = run([eddy, "--quiet", *command])
            worst = max(worst, memory)
            print(f"{name}: {memory:.0f} MB, {elapsed / 1000:.1f} s")
            for used in glob.glob(out("[mcs]*.zst")):
                os.remove(used)
        print(f"memory: {worst:.0f} MB at most (at most {MOST_MEMORY_MB} MB)")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
