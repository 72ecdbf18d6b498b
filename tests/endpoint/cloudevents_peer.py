"""A sender and a receiver over the Python package of the CloudEvents project.

receive: prints its port, then each event it is posted as one line of JSON.
send URL: posts one event in binary and one in structured mode, and prints the status of each answer.
"""
import http.server
import json
import sys
import urllib.request

from cloudevents.core.bindings.http import HTTPMessage, from_http, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_OPTIONS(self):
        self.answer(204)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        event = from_http(HTTPMessage(dict(self.headers.items()), body), JSONFormat())
        attributes = {
            name: value.isoformat() if hasattr(value, "isoformat") else value
            for name, value in event.get_attributes().items()
        }
        data = event.get_data()
        data = data.decode() if isinstance(data, bytes) else data
        print(json.dumps({"attributes": attributes, "data": data}), flush=True)
        self.answer(202)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def send(url):
    attributes = {
        "id": "1",
        "source": "/python",
        "type": "order.placed",
        "specversion": "1.0",
        "subject": '50% "Euro €"',
        "partitionkey": "customer 7",
        "datacontenttype": "application/json",
    }
    event = CloudEvent(attributes=attributes, data={"name": "Müller €"})
    for message in (to_binary(event, JSONFormat()), to_structured(event, JSONFormat())):
        request = urllib.request.Request(url, data=message.body, headers=dict(message.headers), method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            print(answer.status, flush=True)


if sys.argv[1] == "receive":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    print(server.server_address[1], flush=True)
    server.serve_forever()
else:
    send(sys.argv[2])
