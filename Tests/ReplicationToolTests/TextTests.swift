import JSON
import Replication
import ReplicationWire
import Testing

@testable import ReplicationTool

@Suite("Endpoints")
struct EndpointTests {
    @Test(
        "are a host and a port",
        arguments: [
            ("localhost:9092", "localhost", 9092), ("127.0.0.1:1", "127.0.0.1", 1),
            ("[::1]:9092", "::1", 9092), ("[fe80::1%eth0]:5", "fe80::1%eth0", 5),
        ])
    func hostAndPort(text: String, host: String, port: Int) throws {
        let endpoint = try Endpoint(parsing: text)
        #expect(endpoint.host == host)
        #expect(Int(endpoint.port) == port)
        #expect(endpoint.description == text)
    }

    @Test(
        "that are none say why",
        arguments: [
            ("localhost", "no port"), ("localhost:", "no port"), ("localhost:http", "no port"),
            ("localhost:65536", "no port"), ("localhost:+5", "no port"), ("::1:9092", "brackets"),
            (":9092", "no host"), ("[]:9092", "no host"),
        ])
    func noneSayWhy(text: String, reason: String) {
        #expect { try Endpoint(parsing: text) } throws: { "\($0)".contains(reason) }
    }
}

@Suite("The choice of streams")
struct StreamChoiceTests {
    @Test("without names is all that every main offers") func withoutNamesAll() throws {
        let choice = try StreamChoice(names: [], since: [], isNamed: false)
        #expect(choice.streams.count == 13)
        #expect(!choice.streams.contains(.federation))
        #expect(choice.positions.isEmpty)
    }

    @Test("knows where each stream begins") func knowsWhereEach() throws {
        let one = try StreamChoice(names: ["events"], since: ["7"], isNamed: false)
        #expect(one.positions == [.events: 7])
        let two = try StreamChoice(
            names: ["events", "typing"], since: ["typing=0", "events=9"], isNamed: false)
        #expect(two.positions == [.events: 9, .typing: 0])
    }

    @Test(
        "says what does not go together",
        arguments: [
            (["events", "caches"], ["7"], false, "own tokens"), (["events"], ["x"], false, "TOKEN"),
            (["events"], ["caches=1"], false, "not looked at"),
            (["events"], ["-1"], false, "TOKEN"),
            (["events"], ["7"], true, "classic dialect"),
        ])
    func saysWhatDoes(
        names: [String], since: [String], isNamed: Bool, reason: String
    ) {
        #expect {
            try StreamChoice(names: names, since: since, isNamed: isNamed)
        } throws: { "\($0)".contains(reason) }
    }
}

@Suite("Printed rows")
struct RowFormatTests {
    private let time = WallTime(milliseconds: 1_795_412_993_027)
    private let event = ReplicationRow.event(
        EventStreamRow(eventID: "$1:a", roomID: "!r:a", type: "m.room.member", stateKey: ""))

    @Test("name their columns") func nameTheirColumns() {
        let format = RowFormat(style: .text(isColoured: false), dialect: .classic)
        let line = format.line(event, of: .events, token: 29, at: time)
        #expect(
            line.hasSuffix(
                " events           29       event_id=$1:a room_id=!r:a type=m.room.member "
                    + "state_key=\"\"\n"))
        #expect(line.prefix { $0 != " " }.hasSuffix(".027"))
    }

    @Test("are an object of JSON each") func objectJsonEach() throws {
        let format = RowFormat(style: .json, dialect: .classic)
        let line = format.line(event, of: .events, token: 29, at: time)
        #expect(line.hasPrefix("{\"time\":1795412993.027,"))
        #expect(line.hasSuffix("}\n"))
        let value = try JSON(parsing: line)
        #expect(value["stream"] == "events")
        #expect(value["token"] == 29)
        #expect(value["row"]?["state_key"] == "")
        #expect(value["row"]?["redacts"] == .null)
        #expect(value["row"]?["membership"] == nil)
    }

    @Test("show JSON that travels as text as what it is") func showJsonTravels() throws {
        let row = ReplicationRow.receipt(
            ReceiptStreamRow(
                roomID: "!r:a", type: "m.read", userID: "@u:a", eventID: "$1:a",
                data: "{\"ts\":1}"))
        let line = RowFormat(style: .json, dialect: .classic)
            .line(row, of: .receipts, token: 3, at: time)
        #expect(try JSON(parsing: line)["row"]?["data"] == ["ts": 1])
    }

    @Test("cannot play with the terminal") func cannotPlayWith() {
        let row = ReplicationRow.presence(
            PresenceStreamRow(
                userID: "@u:a", state: "online", lastActiveMilliseconds: 0,
                lastFederationUpdateMilliseconds: 0, lastUserSyncMilliseconds: 0,
                statusMessage: "\u{1B}[2J\u{9B}31m\u{202E}\nä", isCurrentlyActive: true))
        let line = RowFormat(style: .text(isColoured: false), dialect: .classic)
            .line(row, of: .presence, token: 3, at: time)
        #expect(line.contains(#"status_msg="\u001b[2J\u009b31m\u202e\nä""#), "\(line)")
        #expect(line.unicodeScalars.count { $0.value < 0x20 } == 1)
    }

    @Test("have a column for each of the named dialect") func haveColumnFor() {
        let columns = event.columns(dialect: .named).map(\.name)
        #expect(
            columns == [
                "event_id", "room_id", "type", "state_key", "redacts", "relates_to", "membership",
                "rejected", "outlier",
            ])
    }

    @Test("use colours only where they are wanted") func useColoursOnly() {
        let coloured = RowFormat(style: .text(isColoured: true), dialect: .classic)
            .line(event, of: .events, token: 1, at: time)
        #expect(coloured.contains("\u{1B}["))
    }
}

@Suite("Lag")
struct LagTests {
    @Test("of a worker is read from its metrics") func workerReadFrom() {
        let metrics = WorkerMetrics(
            parsing: """
                # HELP beamline_replication_lag_seconds How long ago.
                # TYPE beamline_replication_lag_seconds gauge
                beamline_replication_lag_seconds{stream_name="events"} 1.5
                beamline_replication_lag_seconds{a="}",stream_name="caches"} 0 1795412993272
                beamline_replication_position{stream_name="events"} 1.2e1
                beamline_replication_connected 1
                something_else{stream_name="events"} 9
                not a metric at all
                beamline_replication_lag_seconds{stream_name="
                """)
        #expect(metrics.isConnected == true)
        #expect(metrics.lagSeconds == ["events": 1.5, "caches": 0])
        #expect(metrics.positions == ["events": 12])
    }

    @Test("is a table with a column per worker") func tableWithColumn() {
        var metrics = WorkerMetrics(parsing: "")
        metrics.positions = ["events": 95]
        metrics.lagSeconds = ["events": 0.25]
        let table = LagTable(
            time: "12:00:00.000", main: "localhost:9092", state: "connected",
            rows: [
                LagTable.Row(
                    stream: "events", position: 100, rowsPerSecond: 40, lastRow: 0.04, here: .none)
            ],
            workers: [
                LagTable.Worker(name: "a:1", metrics: .success(metrics)),
                LagTable.Worker(
                    name: "b:2", metrics: .failure(LagView.Failure(description: "gone"))),
            ])
        #expect(
            table.text == """
                12:00:00.000 localhost:9092: connected
                stream  position  rows/s  last row  behind here            a:1  b:2
                events       100    40.0     0.0 s      in step  5 rows, 0.3 s    ?
                b:2: gone


                """)
    }

    @Test("names a worker by its address") func namesWorkerBy() {
        #expect(LagView.name(of: "http://127.0.0.1:8083/_synapse/metrics") == "127.0.0.1:8083")
    }
}
