import Foundation
import TestSupport
import Testing

@testable import Workers

@Suite("Replicas of a worker as real processes", .serialized)
struct ReplicaTests {
    /// A port that is free, as is the next one, outside of what the system gives to connections.
    private func freePair() throws -> UInt16 {
        for _ in 0..<1000 {
            let port = UInt16.random(in: 20_000..<30_000)
            if isFree(port), isFree(port + 1) { return port }
        }
        throw Program.Unfinished(description: "no two ports in a row are free")
    }

    private func isFree(_ port: UInt16) -> Bool {
        let descriptor = streamSocket(AF_INET)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        return withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    /// Two synchrotrons of one file, from a port on.
    private func makeFleet(_ ports: String, _ port: UInt16 = 0) throws -> TestFleet {
        let fleet = try TestFleet.synchrotrons(1)
        let path = fleet.workerPath("synchrotron1")
        var text = try String(contentsOfFile: path, encoding: .utf8)
        if port > 0 {
            text = text.replacing("port: \(fleet.workers[0].port)", with: "port: \(port)")
        }
        try (text + "\nworker_replicas: 2\nworker_replica_ports: \(ports)\n").write(
            toFile: path, atomically: true, encoding: .utf8)
        return fleet
    }

    @Test(
        "on one port or on two, every one of them delivers", arguments: ["shared", "consecutive"])
    func deliver(ports: String) throws {
        let first = try freePair()
        let fleet = try makeFleet(ports, first)
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let pids = try (1...2).map { number in
            let pid = fleet.pid(of: "synchrotron1-\(number)")
            return try #require(pid)
        }
        #expect(pids[0] != pids[1])
        let (main, second) = (fleet.mainPort, ports == "shared" ? first : first + 1)
        try onLoop { loop in
            for port in [first, second] {
                try await ReplicationPortTests.deliverOne(
                    main: main, synchrotron: port, on: loop)
            }
        }
        for number in 1...2 {
            let log = fleet.log(of: "synchrotron1-\(number)")
            #expect(
                log.contains("as synchrotron1-\(number), process \(pids[number - 1])"), "\(log)")
        }
        #expect(fleet.log(of: "synchrotron1") == "(no log)")
        // The one that is left serves the port alone.
        try fleet.kill("synchrotron1-\(ports == "shared" ? 1 : 2)")
        try onLoop { loop in
            try await ReplicationPortTests.deliverOne(main: main, synchrotron: first, on: loop)
        }
        let status = try fleet.synctl(["status", fleet.homeserver, "-a", fleet.workersFolder])
        #expect(status.code == 3)
        try fleet.stop()
    }

    @Test("a file of replicas is not one process")
    func alone() throws {
        let fleet = try makeFleet("shared")
        let files = ["-c", fleet.homeserver, "-c", fleet.workerPath("synchrotron1")]
        let outcome = try Program.run(Program.built("beamline"), files)
        #expect(outcome.code == 1)
        #expect(
            outcome.output.contains(
                "worker_replicas: is 2, expected --replica with a number from 1 to 2"),
            "\(outcome.output)")
        let other = try Program.run(Program.built("beamline"), files + ["--replica", "3"])
        #expect(other.code == 1)
        #expect(other.output.contains("so there is no replica 3"), "\(other.output)")
    }
}
