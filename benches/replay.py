#!/usr/bin/env python3
"""Everything that is claimed of replay and recording, measured in one run: how true to the schedule, how fast beside each
system's own tool, and how the archive does.

    cargo build --release && python3 benches/replay.py [--gigabytes 10] [--count 200000] [--folder DIRECTORY]

1. `cargo bench --bench replay`: 100 µs apart over 60 s and at seven speeds, lag p50 and p99, beside a loop that sleeps each gap.
2. `cargo bench --bench archive`: encoding and decoding per core.
3. `benches/endpoints/kafka.py` and `brokers.py`: replay, record, send and read beside each system's own tool and a bare loop.
4. `benches/archive.py`: seek by time and memory on a recording of many gigabytes.

Takes about half an hour and four times the disk of the recording. What is not installed is left out and said.
"""

import argparse
import glob
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def step(title, command):
    print(f"\n== {title}\n$ {' '.join(command)}", flush=True)
    return subprocess.run(command, cwd=os.path.dirname(HERE)).returncode


def bare_loop(name):
    """The program that sends by the bare client, where `cargo bench --bench NAME --no-run` has made it."""
    made = subprocess.run(["cargo", "bench", "--bench", name, "--no-run"], cwd=os.path.dirname(HERE)).returncode == 0
    found = glob.glob(os.path.join(HERE, f"../target/release/deps/{name}-*")) if made else []
    found = [path for path in found if os.access(path, os.X_OK)]
    return ["--bare", max(found, key=os.path.getmtime)] if found else []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eddy", default=os.path.join(HERE, "../target/release/eddy"))
    parser.add_argument("--gigabytes", type=float, default=10)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--folder", help="where the large recording is made (default: the system's place)")
    options = parser.parse_args()
    eddy = os.path.abspath(options.eddy)
    failed = step("schedule", ["cargo", "bench", "--bench", "replay"])
    failed |= step("archive, per core", ["cargo", "bench", "--bench", "archive"])
    for script, bare in (("kafka.py", "bare"), ("brokers.py", "bare_loops")):
        peers = [sys.executable, os.path.join(HERE, "endpoints", script), eddy, "--count", str(options.count)]
        failed |= step("beside the systems' own tools", peers + bare_loop(bare))
    large = [sys.executable, os.path.join(HERE, "archive.py"), "--eddy", eddy, "--gigabytes", str(options.gigabytes)]
    failed |= step("a large recording", large + (["--folder", options.folder] if options.folder else []))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
