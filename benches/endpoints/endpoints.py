#!/usr/bin/env python3
"""Sends and reads the same events by eddy and by each system's own tool, in turns in one run, and prints the ratios.

    benches/endpoints/endpoints.py target/release/eddy [--count 200000] [--size 200] [--rounds 3]
                                   [--only redis,mqtt,kafka] [--kafka HOST:PORT]

redis-server and mosquitto are started here on free ports; for Kafka name a running broker, and kcat must be installed.
Every event is confirmed: XADD replies, MQTT QoS 1, acks=all. Wall seconds are of whole processes; what is missing is
left out and said. Peers: `redis-cli --pipe`, `redis-benchmark -P 100`, `mosquitto_pub -l -q 1`, `mosquitto_sub`, `kcat`.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    sys.exit(f"nothing listens at {port}")


def timed(command, source=None):
    """Wall seconds and CPU seconds of a command that must succeed."""
    stdin = open(source, "rb") if source else subprocess.DEVNULL
    began = time.perf_counter()
    child = subprocess.Popen(command, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{command}: exit {child.returncode}\n{said.decode(errors='replace')}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime


def report(name, count, commands, rounds, prepare=lambda: None):
    """Runs the commands in turns; the first is eddy's."""
    walls = {label: [] for label, *_ in commands}
    cpus = {label: [] for label, *_ in commands}
    for _ in range(rounds):
        for label, command, source in commands:
            prepare()
            wall, cpu = timed(command, source)
            walls[label].append(wall)
            cpus[label].append(cpu)
    own = statistics.median(walls[commands[0][0]])
    for label, *_ in commands:
        wall, cpu = statistics.median(walls[label]), statistics.median(cpus[label])
        print(f"| {name} | {label} | {count / wall:,.0f} | {cpu:.2f} | {wall / own:.2f} |", flush=True)


def redis(eddy, count, size, rounds, folder):
    if not shutil.which("redis-server"):
        return print("| redis | not installed | | | |")
    port = free_port()
    server = subprocess.Popen(["redis-server", "--port", str(port), "--save", "", "--dir", folder],
                              stdout=subprocess.DEVNULL)
    try:
        wait_for(port)
        flush = lambda: subprocess.run(["redis-cli", "-p", str(port), "flushall"], stdout=subprocess.DEVNULL, check=True)
        lines, pipe = os.path.join(folder, "lines"), os.path.join(folder, "pipe")
        text = "x" * size
        with open(lines, "w") as out:
            out.write((text + "\n") * count)
        command = f"*5\r\n$4\r\nXADD\r\n$5\r\nbench\r\n$1\r\n*\r\n$7\r\npayload\r\n${size}\r\n{text}\r\n"
        with open(pipe, "w", newline="") as out:
            out.write(command * count)
        url = f"redis://127.0.0.1:{port}/bench"
        bench = ["redis-benchmark", "-p", str(port), "-n", str(count), "-c", "1", "-q", "-P", "100",
                 "XADD", "bench", "*", "payload", text]
        report("redis send", count, [
            ("eddy inject --each-line", [eddy, "inject", url, lines, "--each-line"], None),
            ("redis-cli --pipe", ["redis-cli", "-p", str(port), "--pipe"], pipe),
            ("redis-benchmark -P 100", bench, None)], rounds, flush)
        flush()
        timed([eddy, "inject", url, lines, "--each-line"])
        report("redis read", count, [
            ("eddy tail --format raw", [eddy, "tail", url, "--from", "start", "--format", "raw"], None),
            ("redis-cli XRANGE", ["redis-cli", "-p", str(port), "XRANGE", "bench", "-", "+"], None)], rounds)
    finally:
        server.kill()
        server.wait()


def mqtt(eddy, count, size, rounds, folder):
    if not shutil.which("mosquitto_pub"):
        return print("| mqtt | not installed | | | |")
    port = free_port()
    configuration = os.path.join(folder, "mosquitto.conf")
    with open(configuration, "w") as out:
        out.write(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n")
        out.write("user root\n" if os.geteuid() == 0 else "")
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    server = subprocess.Popen([program, "-c", configuration], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        lines = os.path.join(folder, "lines")
        with open(lines, "w") as out:
            out.write(("x" * size + "\n") * count)
        report("mqtt send, QoS 1", count, [
            ("eddy inject --each-line", [eddy, "inject", f"mqtt://127.0.0.1:{port}/bench?qos=1", lines, "--each-line"], None),
            ("mosquitto_pub -l -q 1", ["mosquitto_pub", "-p", str(port), "-t", "bench", "-q", "1", "-l"], lines)], rounds)
    finally:
        server.kill()
        server.wait()


def kafka(eddy, count, size, rounds, folder, broker):
    if not broker or not shutil.which("kcat"):
        return print("| kafka | no broker named, or no kcat | | | |")
    lines = os.path.join(folder, "lines")
    with open(lines, "w") as out:
        out.write(("x" * size + "\n") * count)
    topic = f"bench-{os.getpid()}"
    timed([eddy, "inject", f"kafka://{broker}/{topic}?create", "--data", "first"])
    report("kafka send, acks=all", count, [
        ("eddy inject --each-line", [eddy, "inject", f"kafka://{broker}/{topic}", lines, "--each-line"], None),
        ("kcat -P", ["kcat", "-b", broker, "-t", topic, "-P", "-X", "acks=all", "-l", lines], None)], rounds)
    held = count * rounds * 2
    report("kafka read", held, [
        ("eddy tail --format raw", [eddy, "tail", f"kafka://{broker}/{topic}", "--from", "start", "--format", "raw"], None),
        ("kcat -C -e", ["kcat", "-b", broker, "-t", topic, "-C", "-e", "-q", "-o", "beginning"], None)], rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("eddy")
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="redis,mqtt,kafka")
    parser.add_argument("--kafka", metavar="HOST:PORT")
    arguments = parser.parse_args()
    eddy = os.path.abspath(arguments.eddy)
    only = arguments.only.split(",")
    print("| case | tool | events/s | CPU s | wall beside eddy |\n|---|---|---|---|---|")
    common = (eddy, arguments.count, arguments.size, arguments.rounds)
    with tempfile.TemporaryDirectory() as folder:
        if "redis" in only:
            redis(*common, folder)
        if "mqtt" in only:
            mqtt(*common, folder)
        if "kafka" in only:
            kafka(*common, folder, arguments.kafka)


if __name__ == "__main__":
    main()
