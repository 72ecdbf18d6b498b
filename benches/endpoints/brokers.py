#!/usr/bin/env python3
"""Measures eddy at NATS, RabbitMQ, MQTT, Redis Streams and HTTP beside each system's own tool and a bare client loop.

    benches/endpoints/brokers.py target/release/eddy [--count 200000] [--sizes 200,10240] [--rounds 3] [--json FILE]
                                 [--only redis,mqtt,nats,amqp,http] [--bare target/release/deps/bare_loops-…]
                                 [--nats nats] [--perf-test FOLDER_OF_JARS] [--long EVENTS]

Everything is started here on free ports and in a directory of its own; what is missing is left out and said. The tools run in
turns. Every event is confirmed: XADD replies, MQTT QoS 1, JetStream acknowledgements, publisher confirms, answers of 2xx; of
NATS core there is only the server's PONG. Wall and CPU seconds and the largest resident set are of whole processes, medians
of the rounds; the last column is the wall time of the tool over that of eddy, above 1 when eddy is faster. PerfTest runs in a
Java machine that takes a second to start, so its wall time is the number of events over the rate it prints. "first event" is
the time from the start of the process to the first byte it prints.

`--bare` names the program that `cargo bench --bench bare_loops --no-run` makes: the same client crate without eddy around it, which
sends the lines of the same file.
RabbitMQ has none, for eddy speaks AMQP itself. `--long N` sends and reads N events of 200 bytes once more by eddy alone, for
the largest resident set. mosquitto_pub 2.0.11 leaves early after 65,535 messages, so MQTT is measured with 60,000 at most.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from kafka import Run, first_byte, free_port, server, timed

MOST_MQTT = 60_000
RESULTS = []


class Bench(Run):
    """One size: what is sent, and how it is reported."""

    def __init__(self, arguments, size, folder):
        super().__init__(os.path.abspath(arguments.eddy), arguments.count, size, arguments.rounds, folder)
        self.arguments = arguments

    def report(self, name, count, commands, prepare=lambda: None, measure=timed):
        """As the one it stands for; a command may also be a function that measures itself."""
        taken = {label: [] for label, *_ in commands}
        for _ in range(self.rounds):
            for label, command, *source in commands:
                prepare()
                taken[label].append(command() if callable(command) else measure(command, *source))
        own = statistics.median(wall for wall, *_ in taken[commands[0][0]])
        for label, *_ in commands:
            wall, cpu, memory = (statistics.median(column) for column in zip(*taken[label]))
            result = {"case": name, "bytes": self.size, "tool": label, "wall_s": round(wall, 4), "cpu_s": round(cpu, 3),
                      "mib": round(memory, 1), "ratio": round(wall / own, 2)}
            if measure is first_byte:
                figures = f"{wall * 1e3:.0f} ms | – | –"
            else:
                result["events_per_s"] = round(count / wall)
                figures = f"{count / wall:,.0f} | {cpu:.2f} | {memory:.0f}"
            RESULTS.append(result)
            print(f"| {name} | {self.size} | {label} | {figures} | {wall / own:.2f} |", flush=True)

    def bare(self, *words):
        """The bare client loop as a further command, when it is there."""
        program = self.arguments.bare
        return [("bare loop", [program, *map(str, words)])] if program else []

    def archive(self, lines):
        """An archive of the same events, made once."""
        path = lines + ".eddy.ndjson.zst"
        if not os.path.exists(path):
            timed([self.eddy, "inject", path, lines, "--each-line", "--channel", "bench"])
        return path

    def replay(self, target, lines=None):
        """A replay of them with all the guarantees it has by default."""
        return [self.eddy, "replay", self.archive(lines or self.lines), "--to", target, "--speed", "max"]

    def record(self, url, *more):
        """A recording; each into a new file."""
        path = os.path.join(self.folder, "recorded.eddy.ndjson.zst")

        def recorded():
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)
            return timed([self.eddy, "record", url, "--output", path, *more])
        return recorded

    def long(self, name, url, prepare, read=None):
        """The resident set over many events, sent and read by eddy."""
        if not self.arguments.long or self.size != 200:
            return
        prepare()
        rounds, self.rounds = self.rounds, 1
        lines = self.written(self.arguments.long)
        self.report(f"{name}, send, long", self.arguments.long, [("eddy inject --each-line", self.inject(url, lines))])
        if read:
            self.report(f"{name}, read, long", self.arguments.long, [("eddy tail --format raw", read)])
        self.rounds = rounds
        os.remove(lines)


def redis(run):
    port = free_port()
    with server(["redis-server", "--port", str(port), "--save", "", "--dir", run.folder], port):
        flush = lambda: subprocess.run(["redis-cli", "-p", str(port), "flushall"], stdout=subprocess.DEVNULL, check=True)
        pipe, marked = os.path.join(run.folder, "pipe"), os.path.join(run.folder, "marked")
        head, body = "$4\r\nXADD\r\n$5\r\nbench\r\n$1\r\n*\r\n", f"$7\r\npayload\r\n${run.size}\r\n{run.text}\r\n"
        words = ["eddy-run", "r" * 36, "eddy-seq", "n" * 6]
        marks = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        for path, command in ((pipe, f"*5\r\n{head}{body}"), (marked, f"*9\r\n{head}{body}{marks}")):
            with open(path, "w", newline="") as out:
                out.writelines(command for _ in range(run.count))
        url, client = f"redis://127.0.0.1:{port}/bench", ["redis-cli", "-p", str(port)]
        bench = ["redis-benchmark", "-p", str(port), "-n", str(run.count), "-c", "1", "-q", "-P", "100",
                 "XADD", "bench", "*", "payload", run.text]
        run.report("Redis Streams, send", run.count, [
            ("eddy inject --each-line", run.inject(url)),
            ("eddy replay --speed max", run.replay(url)),
            ("eddy replay --speed max --no-mark", [*run.replay(url), "--no-mark"]),
            ("redis-benchmark -P 100", bench),
            ("redis-benchmark -P 100 (with two fields as the marks)", bench + words),
            ("redis-cli --pipe (protocol prepared before)", client + ["--pipe"], pipe),
            ("redis-cli --pipe (the same with two fields as the marks)", client + ["--pipe"], marked),
            *run.bare("redis", "send", port, "bench", run.lines)], flush)
        flush()
        timed(run.inject(url))
        run.report("Redis Streams, read", run.count, [
            ("eddy tail --format raw", run.tail(url)),
            ("eddy record", run.record(url, "--from", "start", "--to", "now")),
            ("redis-cli XRANGE", client + ["XRANGE", "bench", "-", "+"]),
            *run.bare("redis", "read", port, "bench", run.count)])
        run.report("Redis Streams, first event", 1, [
            ("eddy tail -n 1", run.tail(url) + ["-n", "1"]),
            ("redis-cli XRANGE COUNT 1", client + ["XRANGE", "bench", "-", "+", "COUNT", "1"])], measure=first_byte)
        run.long("Redis Streams", url, flush, run.tail(url))


def mqtt(run):
    port, count = free_port(), min(run.count, MOST_MQTT)
    configuration = os.path.join(run.folder, "mosquitto.conf")
    with open(configuration, "w") as out:
        out.write(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n")
        out.write("max_queued_bytes 0\n")
        out.write("user root\n" if os.geteuid() == 0 else "")
    with server([shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", configuration], port):
        lines, url = run.written(count), f"mqtt://127.0.0.1:{port}/bench?qos=1"
        client = ["-p", str(port), "-t", "bench", "-q", "1"]
        run.report("MQTT, send, QoS 1", count, [
            ("eddy inject --each-line", run.inject(url, lines)),
            ("eddy replay --speed max", run.replay(url, lines)),
            ("mosquitto_pub -l -q 1", ["mosquitto_pub", *client, "-l"], lines),
            *run.bare("mqtt", "send", port, "bench", lines)])
        # Each reader finds its own session with all the events waiting in it.
        sub = ["mosquitto_sub", *client, "-c", "-i", "bench"]

        def fill():
            # A session that is there already gives what waits in it: it ends first.
            subprocess.run(["mosquitto_sub", *client, "-i", "bench", "-E"], stdout=subprocess.DEVNULL, check=True)
            subprocess.run([*sub, "-E"], stdout=subprocess.DEVNULL, check=True)
            timed(run.inject(url, lines))
        reading = url + "&clean=false&client-id=bench"
        run.report("MQTT, read, QoS 1", count, [
            ("eddy tail --format raw", [run.eddy, "tail", reading, "--format", "raw", "-n", str(count)]),
            ("eddy record", run.record(reading, "-n", str(count))),
            ("mosquitto_sub -q 1 -C", [*sub, "-C", str(count)]),
            *run.bare("mqtt", "read", port, "bench", count)], fill)
        run.long("MQTT", url, lambda: None)


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


def nats(run):
    port = free_port()
    program = shutil.which("nats-server") or os.path.expanduser("~/.cache/eddy/bin/nats-server")
    with server([program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", os.path.join(run.folder, "js")], port):
        make_stream(port)
        url, tool, sized = f"jetstream+nats://127.0.0.1:{port}/", run.arguments.nats, []
        if tool:
            tool = [tool, "-s", f"127.0.0.1:{port}", "bench"]
            sized = ["--msgs", str(run.count), "--size", str(run.size), "--no-progress"]
        else:
            print("left out: nats bench, for `nats` is not installed", file=sys.stderr)
        purge = lambda: subprocess.run([run.eddy, "--version"], stdout=subprocess.DEVNULL, check=True)
        if tool:
            purge = lambda: subprocess.run([*tool[:3], "stream", "purge", "BENCH", "-f"], stdout=subprocess.DEVNULL,
                                           check=True)
        purge()
        native = lambda *words: [*tool, *words, *sized] if tool else []
        offered = lambda label, command: [(label, command)] if command else []
        run.report("JetStream, send", run.count, [
            ("eddy inject --each-line", run.inject(url + "bench")),
            ("eddy replay --speed max", run.replay(url + "bench")),
            *offered("nats bench js pub async --batch 500", native("js", "pub", "async", "bench", "--stream", "BENCH")),
            *run.bare("jetstream", "send", port, "bench", run.lines)], purge)
        purge()
        timed(run.inject(url + "bench"))
        run.report("JetStream, read", run.count, [
            ("eddy tail --format raw", run.tail(url + "BENCH") + ["-n", str(run.count)]),
            ("eddy record", run.record(url + "BENCH", "--from", "start", "--to", "now")),
            *offered("nats bench js ordered", native("js", "ordered", "--stream", "BENCH")),
            *run.bare("jetstream", "read", port, "BENCH", run.count)])
        run.report("JetStream, first event", 1, [("eddy tail -n 1", run.tail(url + "BENCH") + ["-n", "1"])],
                   measure=first_byte)
        core = f"nats://127.0.0.1:{port}/other"
        run.report("NATS core, send", run.count, [
            ("eddy inject --each-line", run.inject(core)),
            *offered("nats bench pub", native("pub", "other")),
            *run.bare("nats", "send", port, "other", run.lines)])
        run.long("JetStream", url + "bench", purge, run.tail(url + "BENCH") + ["-n", str(run.arguments.long)])
        run.long("NATS core", core, lambda: None)


@contextlib.contextmanager
def rabbitmq_node(folder):
    """A node of its own, with its own name service; its port."""
    port, distribution, names = free_port(), free_port(), free_port()
    for name in ("home", "data", "log"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    for name, text in (("rabbitmq.conf", "disk_free_limit.absolute = 1MB\n"), ("plugins", "[].\n"), ("environment", "")):
        with open(os.path.join(folder, name), "w") as out:
            out.write(text)
    inside = lambda name: os.path.join(folder, name)
    environment = dict(
        os.environ, HOME=inside("home"), RABBITMQ_NODENAME=f"bench{port}@localhost", RABBITMQ_NODE_PORT=str(port),
        RABBITMQ_NODE_IP_ADDRESS="127.0.0.1", RABBITMQ_DIST_PORT=str(distribution), ERL_EPMD_PORT=str(names),
        ERL_EPMD_ADDRESS="127.0.0.1", RABBITMQ_MNESIA_BASE=inside("data"), RABBITMQ_LOG_BASE=inside("log"),
        RABBITMQ_PID_FILE=inside("pid"), RABBITMQ_ENABLED_PLUGINS_FILE=inside("plugins"),
        RABBITMQ_CONFIG_FILE=inside("rabbitmq.conf"), RABBITMQ_CONF_ENV_FILE=inside("environment"))
    scripts = "/usr/lib/rabbitmq/bin/rabbitmq-server"
    program = scripts if os.path.exists(scripts) else shutil.which("rabbitmq-server")
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    epmd = subprocess.Popen(["epmd", "-address", "127.0.0.1", "-port", str(names)], **quiet)
    node = subprocess.Popen([program], env=environment, start_new_session=True, **quiet)
    try:
        wait_for_greeting(port)
        yield port
    finally:
        os.killpg(node.pid, 9)
        node.wait()
        epmd.kill()
        epmd.wait()


def wait_for_greeting(port):
    """Waits for a port to be open; a node takes its time."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    sys.exit("RabbitMQ did not start")


def perf_test(run, port, *words):
    """A run of PerfTest, which makes the queue; its wall time from the rate it prints."""
    command = ["java", "-cp", os.path.join(run.arguments.perf_test, "*"), "com.rabbitmq.perf.PerfTest", "-h",
               f"amqp://127.0.0.1:{port}", "-u", "bench", "-ad", "false", "-f", "persistent", "-s", str(run.size), *words]

    def measured():
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
            said = child.stdout.read().decode(errors="replace")
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        rates = re.findall(r"(?:sending|receiving) rate avg: (\d+)", said)
        rate = max(map(int, rates), default=0)
        if child.returncode or not rate:
            sys.exit(f"{command}: exit {child.returncode}\n{said}")
        return run.count / rate, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    return measured


def amqp(run):
    if not run.arguments.perf_test:
        print("RabbitMQ is left out: PerfTest makes the queue, too; name its folder with --perf-test", file=sys.stderr)
        return
    with rabbitmq_node(run.folder) as port:
        url, count = f"amqp://127.0.0.1:{port}/?queue=bench", str(run.count)
        # What a replay marks its events with, of the same length.
        marks = ["-mp", "eddy-run=01234567-89ab-cdef-0123-456789abcdef,eddy-seq=123456"]
        publish = ["-x", "1", "-y", "0", "-C", count, "-c", "1000"]
        send = [("PerfTest -c 1000, confirms", perf_test(run, port, *publish)),
                ("PerfTest -c 1000, confirms, two headers as the marks", perf_test(run, port, *publish, *marks))]
        read = [("PerfTest -q 1000, acks by 100", perf_test(
            run, port, "-x", "0", "-y", "1", "-D", count, "-q", "1000", "-A", "100"))]
        perf_test(run, port, "-x", "1", "-y", "0", "-C", "1", "-c", "1")()
        empty = lambda: timed([run.eddy, "tail", url, "--to", "now", "--format", "raw"])
        run.report("RabbitMQ, send, confirms, persistent", run.count, [
            ("eddy inject --each-line", run.inject(url)),
            ("eddy replay --speed max", run.replay(url)),
            ("eddy replay --speed max --no-mark", [*run.replay(url), "--no-mark"]), *send], empty)

        def fill():
            empty()
            timed(run.inject(url))
        run.report("RabbitMQ, read, acknowledged", run.count, [
            ("eddy tail --format raw", [run.eddy, "tail", url, "--format", "raw", "-n", count]),
            ("eddy record", run.record(url, "-n", count)), *read], fill)
        run.long("RabbitMQ", url, empty, [run.eddy, "tail", url, "--format", "raw", "-n", str(run.arguments.long)])


def http(run):
    """Requests of one event each, one after the other and 16 at once, to a receiver that is eddy as well."""
    port, count = free_port(), min(run.count, 30_000)
    lines = run.written(count)
    body = os.path.join(run.folder, "body")
    with open(body, "w") as out:
        out.write(run.text)
    receiver = [run.eddy, "tail", f"http://127.0.0.1:{port}/", "--format", "raw"]
    with server(receiver, port):
        url = f"http://127.0.0.1:{port}/bench"
        ab = lambda wide: ["ab", "-q", "-k", "-c", str(wide), "-n", str(count), "-p", body, "-T", "text/plain", url]
        hey = lambda wide: ["hey", "-c", str(wide), "-n", str(count // wide * wide), "-m", "POST", "-D", body, "-T",
                            "text/plain", url]
        for wide, options in ((1, ""), (16, "#concurrency=16&order=none")):
            run.report(f"HTTP, send, {wide} at once", count, [
                ("eddy inject --each-line", run.inject(url + options, lines)),
                *([("ab -k", ab(wide))] if shutil.which("ab") else []),
                *([("hey", hey(wide))] if shutil.which("hey") else []),
                *run.bare("http", "send", port, "bench", lines, wide)])
        run.long("HTTP in batches of 100", url + "#mode=batch&batch=100", lambda: None)


SYSTEMS = {"redis": (redis, "redis-server"), "mqtt": (mqtt, "mosquitto_pub"), "nats": (nats, None), "amqp": (amqp, "java"),
           "http": (http, None)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("eddy")
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--sizes", default="200,10240")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(SYSTEMS))
    parser.add_argument("--bare", metavar="PROGRAM")
    parser.add_argument("--nats", metavar="PROGRAM", default=shutil.which("nats"))
    parser.add_argument("--perf-test", metavar="FOLDER")
    parser.add_argument("--long", type=int, default=0, metavar="EVENTS")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    print("| case | bytes | tool | events/s | CPU s | MiB | wall beside eddy |\n|---|---|---|---|---|---|---|")
    for size in map(int, arguments.sizes.split(",")):
        for name in arguments.only.split(","):
            measure, program = SYSTEMS[name]
            if program and not shutil.which(program):
                print(f"left out: {name}, for {program} is not installed", file=sys.stderr)
                continue
            with tempfile.TemporaryDirectory() as folder:
                measure(Bench(arguments, size, folder))
    if arguments.json:
        with open(arguments.json, "w") as out:
            json.dump(RESULTS, out, indent=1)


if __name__ == "__main__":
    main()
