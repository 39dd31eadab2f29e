import Foundation
import Testing

@testable import Workers

@Suite("The folder of a fleet")
struct FleetFolderTests {
    @Test(
        "a folder that holds a fleet is used as it is, whatever number of synchrotrons is asked for"
    )
    func usedAgain() throws {
        let folder = "/tmp/beamline-folder-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try FleetDirectory(path: folder, serverName: "a.test", synchrotrons: 1)
        _ = try first.claim()
        try first.configure()
        let files = try contents(of: folder)
        #expect(try first.members().count { $0.name.hasPrefix("synchrotron") } == 1)

        let second = try FleetDirectory(path: folder, serverName: "b.test", synchrotrons: 3)
        #expect(second.isConfigured)
        try second.configure()
        #expect(try contents(of: folder) == files)
        #expect(try second.members().count { $0.name.hasPrefix("synchrotron") } == 1)
    }

    @Test("a folder whose configuration was broken off is configured anew, with the same keys")
    func brokenOff() throws {
        let folder = "/tmp/beamline-folder-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try FleetDirectory(path: folder, serverName: "a.test", synchrotrons: 2)
        _ = try first.claim()
        try first.configure()
        let before = try contents(of: folder)
        // As if the process had been killed before the last file.
        try FileManager.default.removeItem(atPath: first.homeserverPath)

        let second = try FleetDirectory(path: folder, serverName: "a.test", synchrotrons: 2)
        #expect(!second.isConfigured)
        try second.configure()
        let after = try contents(of: folder)
        #expect(after["a.test.signing.key"] == before["a.test.signing.key"])
        let main = try #require(after["homeserver.yaml"])
        let workers = after.filter { $0.key.hasPrefix("workers/") }
        #expect(workers.count > 2)
        for (name, text) in workers {
            let line = try #require(
                text.split(separator: "\n").first { $0.hasPrefix("worker_replication_port: ") })
            let port = line.dropFirst("worker_replication_port: ".count)
            #expect(main.contains("port: \(port)\n"), "\(name)")
        }
    }

    private func contents(of folder: String) throws -> [String: String] {
        var files: [String: String] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder)
        where name.hasSuffix(".yaml") || name.hasSuffix(".key") || name.hasSuffix(".config") {
            files[name] = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
        }
        return files
    }
}
