"""A load balancer's configuration, asked from outside, in front of processes that only say who they are.

usage: routes.py PORT NAME=PORT... -- COMMAND...

Starts the named processes as threads and COMMAND, the load balancer that listens on PORT, and ends both. Without
initial=PORT among the names the plan has nobody for syncs without `since`. Prints a line per step that held and exits
0, or says what did not and exits 1.
"""

import http.client
import http.server
import subprocess
import sys
import threading
import time

LISTEN = int(sys.argv[1])
SPLIT = sys.argv.index("--")
PORTS = dict(word.split("=") for word in sys.argv[2:SPLIT])
COMMAND = sys.argv[SPLIT + 1 :]
EPOCHS = ["r0", "v3", "unstable", "v2_alpha"]


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.server.is_gone:
            # As a process that has ended: connections that were open are closed.
            self.close_connection = True
            return
        body = f"{self.server.name} {self.headers.get('X-Forwarded-For')}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *arguments):
        pass


def serve(name, port):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Echo)
    server.daemon_threads = True
    server.name = name
    server.is_gone = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def ask(path, token=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", LISTEN, timeout=20)
    headers = dict(headers or {})
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return text.split(" ")[0] if answer.status == 200 else answer.status


def expect(step, found, wanted):
    if found != wanted:
        raise SystemExit(f"failed: {step}: {found!r}, not {wanted!r}")
    print("held:", step, flush=True)


def wait_until_it_listens(process):
    limit = time.monotonic() + 30
    while True:
        if process.poll() is not None:
            raise SystemExit("failed: the load balancer has ended")
        try:
            if ask("/_matrix/client/versions") == "main":
                return
        except OSError:
            pass
        if time.monotonic() > limit:
            raise SystemExit("failed: the load balancer does not answer")
        time.sleep(0.05)


def check():
    for path in ["/_matrix/client/versions", "/_matrix/client/v3/rooms/!r:x/messages?since=s1"]:
        expect(f"{path} goes to the main process", ask(path, "a"), "main")
    for path in ["/.well-known/matrix/client", "/_synapse/client/x", "/_matrix/client/v3/sync/"]:
        expect(f"{path} goes to the main process", ask(path), "main")
    for path in ["/_matrix/client/v3/synchrotron", "/_matrix/client/v9/sync", "/_matrix/x/sync"]:
        expect(f"{path} goes to the main process", ask(path, "a"), "main")
    for path in ["/_synapse/admin/v1/users", "/_synapse/metrics", "/health", "/", "/_matrixx"]:
        expect(f"{path} is nobody's", ask(path, "a"), 404)
    workers = {"sync1", "sync2"}
    seen = set()
    for number in range(40):
        token = f"syt_User_{number}"
        path = f"/_matrix/client/{EPOCHS[number % 4]}/sync?since=s{number}&timeout=0"
        found = {ask(path, token) for _ in range(3)}
        found.add(ask(f"{path}&access_token={token}"))
        if len(found) != 1 or not found <= workers:
            raise SystemExit(f"failed: {token} is served by {found}")
        seen |= found
    expect("both workers have users, who stay with theirs", seen, workers)
    first = "/_matrix/client/v3/sync?timeout=0"
    found = {ask(first, f"syt_{number}") for number in range(10)}
    if "initial" in PORTS:
        expect("syncs without since go to the worker for them", found, {"initial"})
        found = {ask(f"{first}&access_token=syt_{number}") for number in range(10)}
        expect("also with the token in the query", found, {"initial"})
    else:
        expect("syncs without since go to any worker", found - workers, set())


def check_address():
    connection = http.client.HTTPConnection("127.0.0.1", LISTEN, timeout=20)
    connection.request(
        "GET", "/_matrix/client/versions", headers={"X-Forwarded-For": "6.6.6.6"})
    text = connection.getresponse().read().decode()
    connection.close()
    expect("nobody gives himself another address", text, "main 127.0.0.1")


def check_loss(servers):
    users = [f"syt_User_{number}" for number in range(40)]
    path = "/_matrix/client/v3/sync?since=s1"
    servers["sync1"].is_gone = True
    servers["sync1"].shutdown()
    servers["sync1"].server_close()
    found = {ask(path, user) for user in users}
    expect("a worker that is gone is stood in for", found, {"sync2"})


servers = {name: serve(name, port) for name, port in PORTS.items()}
balancer = subprocess.Popen(COMMAND)
try:
    wait_until_it_listens(balancer)
    check()
    check_address()
    check_loss(servers)
finally:
    balancer.terminate()
    balancer.wait()
