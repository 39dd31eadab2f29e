import Foundation
import JSON
import ProcessControl
import Reactor
import Testing

@testable import Workers

@Suite("What real processes tell of themselves", .serialized)
struct InsightTests {
    private func get(_ path: String, _ port: UInt16) throws -> (status: Int, body: String) {
        let script = """
            import sys, urllib.request, urllib.error
            try:
                answer = urllib.request.urlopen(sys.argv[1], timeout=60)
            except urllib.error.HTTPError as error:
                answer = error
            print(answer.status)
            print(answer.read().decode())
            """
        let output = try Program.run(
            "/usr/bin/python3", ["-c", script, "http://127.0.0.1:\(port)\(path)"]
        ).output
        let lines = output.split(separator: "\n", maxSplits: 1)
        return (Int(lines.first ?? "") ?? 0, lines.count > 1 ? String(lines[1]) : "")
    }

    /// Asks whether a process is ready until the answer has a status, a minute at most.
    private func ready(_ port: UInt16, until status: Int) throws -> JSON {
        let limit = Date(timeIntervalSinceNow: 60)
        while true {
            let answer = try get("/ready", port)
            if answer.status == status || Date() > limit {
                #expect(answer.status == status, "\(answer.body)")
                return try JSON(parsing: Array(answer.body.utf8))
            }
            sched_yield()
        }
    }

    @Test("ready says what is not in order, while health says that the process lives")
    func readiness() throws {
        let fleet = try TestFleet.synchrotrons(1)
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let port = fleet.workers[0].port
        let fine = try ready(port, until: 200)
        #expect(fine["ready"]?.boolValue == true)
        for name in ["database", "replication", "lag", "queue"] {
            #expect(fine["checks"]?[name]?["ready"]?.boolValue == true, "\(fine)")
        }
        let main = try ready(fleet.mainPort, until: 200)
        #expect(main["checks"]?["database"]?["ready"]?.boolValue == true)
        #expect(main["checks"]?["replication"] == nil)

        try fleet.kill("homeserver")
        let lost = try ready(port, until: 503)
        #expect(lost["ready"]?.boolValue == false)
        #expect(
            lost["checks"]?["replication"]?["reason"]?.stringValue
                == "the main process is not reached")
        #expect(lost["checks"]?["database"]?["ready"]?.boolValue == true)
        let health = try get("/health", port)
        #expect(health.status == 200 && health.body.hasPrefix("OK"))
        #expect(try fleet.synctl(["start", fleet.homeserver]).code == 0)
        _ = try ready(port, until: 200)
    }

    @Test("every metric that the dashboard shows is exported, and slow syncs are in the log")
    func dashboard() throws {
        let fleet = try TestFleet(
            [("synchrotron1", "synapse.app.synchrotron", "client")],
            extra: "slow_sync_threshold: 0\n")
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let (mainPort, workerPort) = (fleet.mainPort, fleet.workers[0].port)
        try onLoop { loop in
            try await ReplicationPortTests.deliverOne(
                main: mainPort, synchrotron: workerPort, on: loop)
        }
        var exported: Set<String> = []
        for port in [mainPort, workerPort] {
            for line in try get("/_synapse/metrics", port).body.split(separator: "\n") {
                guard line.hasPrefix("# TYPE ") else { continue }
                exported.insert(String(line.split(separator: " ")[2]))
            }
        }
        let shown = try metricsOfTheDashboard()
        #expect(shown.count > 25)
        #expect(shown.subtracting(exported).isEmpty)

        let log = fleet.log(of: "synchrotron1")
        let line = log.split(separator: "\n").first { $0.contains(" - beamline.sync - ") }
        let pattern =
            #/Initial sync of @\w+:test.local \(\w+\) took [\d.]+ s: [\d.]+ s waiting for its position, [\d.]+ s for its turn, [\d.]+ s for [1-9]\d* SQL statements, [\d.]+ s building, [\d.]+ s writing \d+ bytes/#
        #expect(line?.firstMatch(of: pattern) != nil, "\(line ?? "no line") in\n\(log)")
    }

    /// The names in all of its expressions.
    private func metricsOfTheDashboard() throws -> Set<String> {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/Observability/Dashboards/beamline.json")
        let json = try JSON(parsing: Array(Data(contentsOf: file)))
        var names: Set<String> = []
        for panel in json["panels"]?.arrayValue ?? [] {
            for target in panel["targets"]?.arrayValue ?? [] {
                let text = try #require(target["expr"]?.stringValue)
                for match in text.matches(of: #/\b((?:synapse|beamline|process)_\w+)\{/#) {
                    let name = String(match.output.1)
                    names.insert(name.hasSuffix("_bucket") ? String(name.dropLast(7)) : name)
                }
            }
        }
        return names
    }
}
