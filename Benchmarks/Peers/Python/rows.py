"""Rows of the replication protocol as a Python worker reads them, with matrix-synapse's own parser.

    rows.py parse ROWS        parses as many lines and prints how long that took, in CPU time
    rows.py follow PORT SECONDS WARM-UP-SECONDS
                              follows a main's rows, and prints the CPU time of the measured seconds

Only parsing is done, and counting: what a worker makes of its rows is left out.
"""

import json
import sys
import time

from synapse.replication.tcp.commands import parse_command_from_line
from synapse.replication.tcp.streams import STREAMS_MAP

LINE = (
    'RDATA events master %d ["ev",["$%043d","!BeamlineBenchmarkRoom:example.org",'
    '"m.room.message",null,null,null,null,false,false]]'
)


def take(line):
    """Reads a line as the protocol of a Python worker does; whether it was a row."""
    command = parse_command_from_line(line)
    if command.NAME != "RDATA":
        return False
    stream = STREAMS_MAP[command.stream_name]
    stream.parse_row(command.row)
    return True


def parse(count):
    data = [(LINE % (token, token)) for token in range(1, count + 1)]
    begin = time.process_time_ns()
    rows = sum(map(take, data))
    took = time.process_time_ns() - begin
    assert rows == count
    print(json.dumps({"rows": rows, "nanoseconds": took}))


def follow(port, seconds, warm_up):
    from twisted.internet import protocol, reactor
    from twisted.protocols.basic import LineOnlyReceiver

    state = {"rows": 0, "before": 0, "cpu": 0, "time": 0}

    class Receiver(LineOnlyReceiver):
        delimiter = b"\n"

        def connectionMade(self):
            self.sendLine(b"NAME python")
            self.sendLine(b"REPLICATE ")

        def lineReceived(self, line):
            if line.strip():
                state["rows"] += take(line.decode("utf-8"))

    def begin():
        state.update(
            before=state["rows"], cpu=time.process_time_ns(), time=time.monotonic_ns()
        )
        reactor.callLater(seconds, end)

    def end():
        print(
            json.dumps(
                {
                    "operations": state["rows"] - state["before"],
                    "nanoseconds": time.monotonic_ns() - state["time"],
                    "cpu": time.process_time_ns() - state["cpu"],
                }
            )
        )
        reactor.stop()

    class Factory(protocol.ClientFactory):
        protocol = Receiver

    reactor.connectTCP("127.0.0.1", port, Factory())
    reactor.callLater(warm_up, begin)
    reactor.run()


if sys.argv[1] == "parse":
    parse(int(sys.argv[2]))
else:
    follow(int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
