#!/usr/bin/env python3
"""Sends and reads the same events by eddy and by each system's own tool, in turns in one run, and prints the ratios.

    benches/endpoints/endpoints.py target/release/eddy [--count 200000] [--sizes 200,10240] [--rounds 3]
                                   [--only redis,mqtt,nats,kafka,amqp] [--kafka HOST:PORT] [--partitions 1] [--long 0]
                                   [--bare PROGRAM] [--amqp HOST:PORT] [--json FILE]

redis-server, mosquitto, nats-server and Kafka (from where scripts/install-test-servers puts it) are started here on free
ports, Kafka unless a running one is named; for RabbitMQ name a running one. What is missing is left out and said. Every event
is confirmed: XADD replies, MQTT QoS 1, JetStream acknowledgements, acks=all, publisher confirms. Wall and CPU seconds and the largest resident set are of whole processes, medians of the rounds; the last
column is the wall time of the tool over that of eddy, above 1 when eddy is faster. "first event" is the time from the start
of the process to the first byte it prints.

Peers: `redis-cli --pipe`, `redis-benchmark -P 100`, `mosquitto_pub -l -q 1`, `nats bench`, `kcat` with and without idempotence,
and for Kafka the bare loop of the same client crate (`cargo build --release --bench bare` makes it; `--bare` names the program).
`--long N` reads N events of 200 bytes once more, for the largest resident set of a long run.
mosquitto_pub 2.0.11 leaves early when it sends more than 65,535 messages, so MQTT is measured with 60,000 at most.
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

MOST_MQTT = 60_000
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


def redis(run, _):
    port = free_port()
    with server(["redis-server", "--port", str(port), "--save", "", "--dir", run.folder], port):
        flush = lambda: subprocess.run(["redis-cli", "-p", str(port), "flushall"], stdout=subprocess.DEVNULL, check=True)
        pipe = os.path.join(run.folder, "pipe")
        command = f"*5\r\n$4\r\nXADD\r\n$5\r\nbench\r\n$1\r\n*\r\n$7\r\npayload\r\n${run.size}\r\n{run.text}\r\n"
        with open(pipe, "w", newline="") as out:
            out.writelines(command for _ in range(run.count))
        url, client = f"redis://127.0.0.1:{port}/bench", ["redis-cli", "-p", str(port)]
        bench = ["redis-benchmark", "-p", str(port), "-n", str(run.count), "-c", "1", "-q", "-P", "100",
                 "XADD", "bench", "*", "payload", run.text]
        run.report("Redis Streams, send", run.count, [
            ("eddy inject --each-line", run.inject(url)),
            ("redis-benchmark -P 100", bench),
            ("redis-cli --pipe (protocol prepared before)", client + ["--pipe"], pipe)], flush)
        flush()
        timed(run.inject(url))
        run.report("Redis Streams, read", run.count, [
            ("eddy tail --format raw", run.tail(url)), ("redis-cli XRANGE", client + ["XRANGE", "bench", "-", "+"])])
        run.report("Redis Streams, first event", 1, [
            ("eddy tail -n 1", run.tail(url) + ["-n", "1"]),
            ("redis-cli XRANGE COUNT 1", client + ["XRANGE", "bench", "-", "+", "COUNT", "1"])], measure=first_byte)


def mqtt(run, _):
    port, count = free_port(), min(run.count, MOST_MQTT)
    configuration = os.path.join(run.folder, "mosquitto.conf")
    with open(configuration, "w") as out:
        out.write(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n")
        out.write("user root\n" if os.geteuid() == 0 else "")
    with server([shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", configuration], port):
        lines = run.written(count)
        run.report("MQTT, send, QoS 1", count, [
            ("eddy inject --each-line", run.inject(f"mqtt://127.0.0.1:{port}/bench?qos=1", lines)),
            ("mosquitto_pub -l -q 1", ["mosquitto_pub", "-p", str(port), "-t", "bench", "-q", "1", "-l"], lines)])


def make_stream(port):
    """Has the server keep what is sent to `bench`."""
    wanted = json.dumps({"name": "BENCH", "subjects": ["bench"], "storage": "file"})
    request = f"CONNECT {{}}\r\nSUB answer 1\r\nPUB $JS.API.STREAM.CREATE.BENCH answer {len(wanted)}\r\n{wanted}\r\n"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request.encode())
        said = b""
        while b"\"config\"" not in said:
            part = connection.recv(65536)
            if not part or b"\"error\"" in said:
                sys.exit(f"no stream: {said.decode(errors='replace')}")
            said += part


def nats(run, _):
    port = free_port()
    program = shutil.which("nats-server") or os.path.expanduser("~/.cache/eddy/bin/nats-server")
    with server([program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", os.path.join(run.folder, "js")], port):
        make_stream(port)
        url = f"jetstream+nats://127.0.0.1:{port}/"
        commands = [("eddy inject --each-line", run.inject(url + "bench"))]
        if shutil.which("nats"):
            commands.append(("nats bench js pub async", [
                "nats", "-s", f"127.0.0.1:{port}", "bench", "js", "pub", "async", "bench", "--stream", "BENCH",
                "--msgs", str(run.count), "--size", str(run.size), "--no-progress"]))
        run.report("JetStream, send", run.count, commands)
        run.report("JetStream, read", run.count * run.rounds * len(commands), [
            ("eddy tail --format raw", run.tail(url + "BENCH"))])
        run.report("JetStream, first event", 1, [("eddy tail -n 1", run.tail(url + "BENCH") + ["-n", "1"])],
                   measure=first_byte)


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
    run.report("Kafka, send, acks=all", run.count, [
        ("eddy replay --speed max", [run.eddy, "replay", archive, "--to", other, "--speed", "max"]),
        ("kcat -P, idempotent", produce + ["-X", "enable.idempotence=true"])])


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
    run.report("Kafka, first event", 1, [
        ("eddy tail -n 1", run.tail(url) + ["-n", "1"]), ("kcat -C -c 1", consume + ["-c", "1"])], measure=first_byte)


def amqp(run, arguments):
    url = f"amqp://{arguments.amqp}/?queue=bench"
    run.report("RabbitMQ, send, confirms", run.count, [("eddy inject --each-line", run.inject(url))])


SYSTEMS = {"redis": (redis, "redis-server"), "mqtt": (mqtt, "mosquitto_pub"), "nats": (nats, None),
           "kafka": (kafka, "kcat"), "amqp": (amqp, None)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("eddy")
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--sizes", default="200,10240")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(SYSTEMS))
    parser.add_argument("--kafka", metavar="HOST:PORT", help="instead of one that is started")
    parser.add_argument("--partitions", type=int, default=1, help="of topics on the Kafka that is started")
    parser.add_argument("--long", type=int, default=0, metavar="EVENTS")
    parser.add_argument("--bare", metavar="PROGRAM")
    parser.add_argument("--amqp", metavar="HOST:PORT", help="with a queue `bench`")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    eddy = os.path.abspath(arguments.eddy)
    print("| case | bytes | tool | events/s | CPU s | MiB | wall beside eddy |\n|---|---|---|---|---|---|---|")
    for size in map(int, arguments.sizes.split(",")):
        for name in arguments.only.split(","):
            measure, program = SYSTEMS[name]
            if name == "amqp" and not arguments.amqp:
                print("left out: amqp, for no server is named", file=sys.stderr)
            elif name == "kafka" and not arguments.kafka and not os.path.isdir(jars()):
                print("left out: kafka, for it is neither named nor installed", file=sys.stderr)
            elif program and not shutil.which(program):
                print(f"left out: {name}, for {program} is not installed", file=sys.stderr)
            else:
                with tempfile.TemporaryDirectory() as folder:
                    measure(Run(eddy, arguments.count, size, arguments.rounds, folder), arguments)
    if arguments.json:
        with open(arguments.json, "w") as out:
            json.dump(RESULTS, out, indent=1)


if __name__ == "__main__":
    main()
