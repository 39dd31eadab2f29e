import Foundation
import Reactor
import Testing

@testable import Workers

@Suite("A fleet as workers.rst configures it", .serialized)
struct WorkersDocumentTests {
    /// Set by `make test`, which installs matrix-nio there.
    static let python = ProcessInfo.processInfo.environment["BEAMLINE_TEST_PYTHON"]

    @Test(
        "two users of matrix-nio talk through a synchrotron that synctl -w started",
        .enabled(if: python != nil, "BEAMLINE_TEST_PYTHON is not set; make test sets it"))
    func realClient() throws {
        let fleet = try TestFleet.synchrotrons(1)
        let main = try fleet.synctl(["start", fleet.homeserver])
        #expect(main.code == 0, "\(main.output)\n\(fleet.log(of: "homeserver"))")
        let worker = try fleet.synctl(
            ["start", fleet.homeserver, "-w", fleet.workerPath("synchrotron1")])
        #expect(worker.code == 0, "\(worker.output)\n\(fleet.log(of: "synchrotron1"))")
        defer { _ = try? fleet.stop() }
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Clients/two_users.py").path
        let talk = try Program.run(
            Self.python ?? "",
            [
                script, "http://127.0.0.1:\(fleet.mainPort)",
                "http://127.0.0.1:\(fleet.workers[0].port)", fleet.serverName,
            ])
        #expect(talk.code == 0, "\(talk.output)\n\(fleet.log(of: "synchrotron1").suffix(3000))")
        #expect(talk.output.contains("all held"))
    }

    @Test("all six worker types start, follow replication, serve metrics and stop cleanly")
    func everyType() throws {
        let fleet = try TestFleet([
            ("pusher", "synapse.app.pusher", "metrics"),
            ("synchrotron", "synapse.app.synchrotron", "client"),
            ("appservice", "synapse.app.appservice", "metrics"),
            ("federation_reader", "synapse.app.federation_reader", "federation"),
            ("media_repository", "synapse.app.media_repository", "media"),
            ("client_reader", "synapse.app.client_reader", "client"),
        ])
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        for worker in fleet.workers {
            #expect(fleet.pid(of: worker.name) != nil)
            let port = worker.port
            // The first copy of the figures may be older than the connection.
            let metrics = try onLoop { loop in
                let connection = DemoConnection(to: .loopback(port: port))
                while true {
                    let answer = try await connection.request(
                        "GET", "/_synapse/metrics", on: loop)
                    let text = String(decoding: answer.body, as: UTF8.self)
                    if text.contains("beamline_replication_connected 1") { return text }
                    await loop.sleep(for: .milliseconds(200))
                }
            }
            #expect(metrics.contains("process_cpu_seconds_total"), "\(worker.name)")
        }
        try fleet.stop()
        for worker in fleet.workers {
            #expect(fleet.pid(of: worker.name) == nil)
            let log = fleet.log(of: worker.name)
            #expect(log.contains("Connected to the main process"), "\(log)")
            // Synchrotrons do all that is expected of them.
            #expect(log.contains("This release") != (worker.name == "synchrotron"), "\(log)")
            #expect(log.contains("Stopped"), "\(log)")
        }
    }
}
