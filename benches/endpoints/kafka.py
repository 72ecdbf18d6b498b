#!/usr/bin/env python3
"""Sends and reads the same events by eddy, kcat and a bare client loop, in turns in one run, and prints the ratios.

    benches/endpoints/kafka.py target/release/eddy [--count 200000] [--sizes 200,10240] [--rounds 3] [--kafka HOST:PORT]
                               [--partitions 1] [--long 0] [--bare target/release/deps/bare-…] [--json FILE]

Kafka (from where scripts/install-test-servers puts it) is started here on a free port, unless a running one is named. Every
event sent is acknowledged by all replicas. Wall and CPU seconds and the largest resident set are of whole processes, medians
of the rounds; the last column is the wall time of the tool over that of eddy, above 1 when eddy is faster. "first event" is
the time from the start of the process to the first byte it prints.

`--bare` names the program that `cargo build --release --bench bare` makes: the same client crate without eddy around it.
`--long N` reads N events of 200 bytes once more, for the largest resident set of a long run. The other systems are measured by
`brokers.py`.
"""

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

MOST_BYTES = 400_000_000
RESULTS = []


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, patience):
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    sys.exit(f"nothing listens at {port}")


@contextlib.contextmanager
def server(command, port, patience=20):
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, patience)
        yield
    finally:
        child.kill()
        child.wait()


def timed(command, source=None, out=subprocess.DEVNULL):
    """Wall seconds, CPU seconds and MiB of a command that must succeed."""
    stdin = open(source, "rb") if source else subprocess.DEVNULL
    began = time.perf_counter()
    child = subprocess.Popen(command, stdin=stdin, stdout=out, stderr=subprocess.PIPE)
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{command}: exit {child.returncode}\n{said.decode(errors='replace')}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def into_a_file(folder):
    """As `timed`, with what is printed in a file."""
    def measure(command, source=None):
        with open(os.path.join(folder, "printed"), "wb") as out:
            return timed(command, source, out)
    return measure


def first_byte(command):
    began = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        if not child.stdout.read(1):
            sys.exit(f"{command}: printed nothing")
        taken = time.perf_counter() - began
        child.kill()
    return taken, 0, 0


class Run:
    """What all measurements of one size have in common."""

    def __init__(self, eddy, count, size, rounds, folder):
        self.eddy, self.size, self.rounds, self.folder = eddy, size, rounds, folder
        self.count = min(count, MOST_BYTES // size)
        self.text = "x" * size
        self.lines = self.written(self.count)

    def written(self, count):
        path = os.path.join(self.folder, f"lines-{count}-{self.size}")
        with open(path, "w") as out:
            # One by one: a child's largest resident set begins with ours.
            out.writelines(self.text + "\n" for _ in range(count))
        return path

    def report(self, name, count, commands, prepare=lambda: None, measure=timed):
        """Runs the commands in turns; the first is eddy's. A command with a negative count of events tells its own."""
        taken = {label: [] for label, *_ in commands}
        for _ in range(self.rounds):
            for label, command, *source in commands:
                prepare()
                taken[label].append(measure(command, *source))
        own = statistics.median(wall for wall, *_ in taken[commands[0][0]])
        for label, *_ in commands:
            wall, cpu, memory = (statistics.median(column) for column in zip(*taken[label]))
            result = {"case": name, "bytes": self.size, "tool": label, "wall_s": round(wall, 4), "cpu_s": round(cpu, 3),
                      "mib": round(memory, 1), "ratio": round(wall / own, 2)}
            if measure is not first_byte:
                result["events_per_s"] = round(count / wall)
                figures = f"{count / wall:,.0f} | {cpu:.2f} | {memory:.0f}"
            else:
                figures = f"{wall * 1e3:.0f} ms | – | –"
            RESULTS.append(result)
            print(f"| {name} | {self.size} | {label} | {figures} | {wall / own:.2f} |", flush=True)

    def tail(self, url):
        return [self.eddy, "tail", url, "--from", "start", "--format", "raw"]

    def inject(self, url, lines=None):
        return [self.eddy, "inject", url, lines or self.lines, "--each-line"]


PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={folder}/kafka
num.partitions={partitions}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
"""


@contextlib.contextmanager
def kafka_server(folder, arguments):
    """The address of the broker that was named, or of one that is started."""
    if arguments.kafka:
        yield arguments.kafka
        return
    port, controller = free_port(), free_port()
    properties = os.path.join(folder, "server.properties")
    with open(properties, "w") as out:
        out.write(PROPERTIES.format(port=port, controller=controller, folder=folder, partitions=arguments.partitions))
    java = ["java", "-Xms256m", "-Xmx1g", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp", os.path.join(jars(), "*")]
    format_storage = java + ["kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAA", "-c", properties]
    subprocess.run(format_storage, stdout=subprocess.DEVNULL, check=True)
    with server(java + ["kafka.Kafka", properties], port, patience=120):
        yield f"127.0.0.1:{port}"


def jars():
    return os.path.join(os.environ.get("EDDY_CACHE", os.path.expanduser("~/.cache/eddy")), "kafka")


def removed(path):
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)


def kafka(run, arguments):
    with kafka_server(run.folder, arguments) as broker:
        topic = f"bench-{os.getpid()}-{run.size}"
        url = f"kafka://{broker}/{topic}"
        timed([run.eddy, "inject", url + "?create", "--data", "first"])
        kafka_send(run, arguments, broker, topic)
        held = run.count + 1
        # What is read was sent once more by one of them, so that all rounds read the same.
        topic += "-read"
        url = f"kafka://{broker}/{topic}"
        timed([run.eddy, "inject", url + "?create", "--data", "first"])
        timed(run.inject(url))
        kafka_read(run, arguments, broker, topic, held)
        if arguments.long and run.size == 200:
            for _ in range(max(1, arguments.long // run.count) - 1):
                timed(run.inject(url))
            held = max(1, arguments.long // run.count) * run.count + 1
            run.report("Kafka, read, long", held, [("eddy tail --format raw", run.tail(url))])


def kafka_send(run, arguments, broker, topic):
    url, produce = f"kafka://{broker}/{topic}", ["kcat", "-b", broker, "-t", topic, "-P", "-X", "acks=all", "-l", run.lines]
    archive = os.path.join(run.folder, f"archive-{run.size}.eddy.ndjson.zst")
    commands = [
        ("eddy inject --each-line (idempotent)", run.inject(url)),
        ("kcat -P, idempotent", produce + ["-X", "enable.idempotence=true"]),
        ("kcat -P", produce)]
    if arguments.bare:
        send = [arguments.bare, "kafka", "send", broker, topic, run.lines]
        commands.append(("bare loop, idempotent", send + ["enable.idempotence=true"]))
    run.report("Kafka, send, acks=all", run.count, commands)
    other = url + "-replayed"
    timed([run.eddy, "record", url, "--from", "start", "--to", "now", "-n", str(run.count), "--output", archive])
    timed([run.eddy, "inject", other + "?create", "--data", "first"])
    replay = [run.eddy, "replay", archive, "--to", other, "--speed", "max"]
    idempotent = produce + ["-X", "enable.idempotence=true"]
    # What eddy marks its events with, of the same length.
    marks = ["-H", "eddy-run=01234567-89ab-cdef-0123-456789abcdef", "-H", "eddy-seq=123456"]
    run.report("Kafka, replay, acks=all", run.count, [
        ("eddy replay --speed max", replay),
        ("kcat -P, idempotent, the same two headers", idempotent + marks)])
    run.report("Kafka, replay, acks=all", run.count, [
        ("eddy replay --speed max --no-mark", [*replay, "--no-mark"]),
        ("kcat -P, idempotent, no headers", idempotent)])
    run.report("Kafka, replay, acks=all", run.count, [
        ("eddy replay --speed max", replay),
        ("kcat -P, idempotent, no headers", idempotent)])


def kafka_read(run, arguments, broker, topic, held):
    url, archive = f"kafka://{broker}/{topic}", os.path.join(run.folder, "recorded.eddy.ndjson.zst")
    consume = ["kcat", "-b", broker, "-t", topic, "-C", "-q", "-o", "beginning"]
    read = [("eddy tail --format raw", run.tail(url)), ("kcat -C -e", consume + ["-e"])]
    if arguments.bare:
        read.append(("bare loop", [arguments.bare, "kafka", "read", broker, topic]))
    run.report("Kafka, read", held, read)
    run.report("Kafka, read into a file", held, read, measure=into_a_file(run.folder))
    record = [run.eddy, "record", url, "--from", "start", "--to", "now", "--output", archive]
    run.report("Kafka, record", held, [
        ("eddy record", record), ("kcat -C -e -J", consume + ["-e", "-J"])], prepare=lambda: removed(archive))
    replayed = os.path.join(run.folder, "replayed.ndjson")
    run.report("Kafka, replay of the topic into a file", held, [
        ("eddy replay TOPIC --speed max (looks through it, then sends)",
         [run.eddy, "replay", url, "--to", replayed, "--speed", "max"]),
        ("kcat -C -e -J", consume + ["-e", "-J"])],
        prepare=lambda: removed(replayed), measure=into_a_file(run.folder))
    run.report("Kafka, first event", 1, [
        ("eddy tail -n 1", run.tail(url) + ["-n", "1"]), ("kcat -C -c 1", consume + ["-c", "1"])], measure=first_byte)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("eddy")
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--sizes", default="200,10240")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kafka", metavar="HOST:PORT", help="instead of one that is started")
    parser.add_argument("--partitions", type=int, default=1, help="of topics on the Kafka that is started")
    parser.add_argument("--long", type=int, default=0, metavar="EVENTS")
    parser.add_argument("--bare", metavar="PROGRAM")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    if not shutil.which("kcat"):
        sys.exit("kcat is not installed")
    if not arguments.kafka and not os.path.isdir(jars()):
        sys.exit("Kafka is neither named nor installed")
    print("| case | bytes | tool | events/s | CPU s | MiB | wall beside eddy |\n|---|---|---|---|---|---|---|")
    for size in map(int, arguments.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            kafka(Run(os.path.abspath(arguments.eddy), arguments.count, size, arguments.rounds, folder), arguments)
    if arguments.json:
        with open(arguments.json, "w") as out:
            json.dump(RESULTS, out, indent=1)


if __name__ == "__main__":
    main()
