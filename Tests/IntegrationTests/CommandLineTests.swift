import Foundation
import Testing

@Suite("The beamline command")
struct CommandLineTests {
    private func temporaryFolder() throws -> String {
        let folder = NSTemporaryDirectory() + "beamline-cli-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    @Test("a mistake in a file is reported with its place, and the exit code is 1")
    func mistakes() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = "\(folder)/homeserver.yaml"
        try """
        server_name: example.org
        report_stats: false
        listeners:
          - port: eighty
            type: http
        database:
          name: sqlite3
        """.write(toFile: file, atomically: true, encoding: .utf8)
        let outcome = try Program.run(Program.built("beamline"), ["-c", file])
        #expect(outcome.code == 1)
        #expect(outcome.output.contains("\(file):4: listeners[0].port: "), "\(outcome.output)")
        #expect(outcome.output.contains("\(file):7: database.name: "), "\(outcome.output)")
    }

    @Test("--generate-config writes files that the server then reads, and keeps existing ones")
    func generate() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let arguments = [
            "-c", "homeserver.yaml", "--generate-config", "--server-name", "example.org",
            "--report-stats=no",
        ]
        let first = try Program.run(Program.built("beamline"), arguments, in: folder)
        #expect(first.code == 0, "\(first.output)")
        let key = try String(contentsOfFile: "\(folder)/example.org.signing.key", encoding: .utf8)
        #expect(key.hasPrefix("ed25519 "))
        let second = try Program.run(Program.built("beamline"), arguments, in: folder)
        #expect(second.code == 0)
        #expect(
            try String(contentsOfFile: "\(folder)/example.org.signing.key", encoding: .utf8) == key)
        // The database of the generated file does not exist here: the server gets that far and says so.
        let run = try Program.run(
            Program.built("beamline"), ["-c", "homeserver.yaml", "--no-daemonize"], in: folder)
        #expect(run.code == 1)
        #expect(!run.output.contains(".yaml:"), "\(run.output)")
    }

    @Test("missing arguments are explained")
    func usage() throws {
        let outcome = try Program.run(Program.built("beamline"), [])
        #expect(outcome.code == 64)
        #expect(outcome.output.contains("-c FILE"), "\(outcome.output)")
    }
}
