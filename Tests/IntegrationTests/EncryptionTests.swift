import Foundation
import Testing

@Suite("End-to-end encryption")
struct EncryptionTests {
    @Test(
        "devices of two users of matrix-nio decrypt what the others say",
        .enabled(
            if: WorkersDocumentTests.python != nil,
            "BEAMLINE_TEST_PYTHON is not set; make test sets it"),
        .timeLimit(.minutes(5)))
    func realClients() throws {
        let fleet = try TestFleet([])
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Clients/encrypted.py").path
        let talk = try Program.run(
            WorkersDocumentTests.python ?? "",
            [script, "http://127.0.0.1:\(fleet.mainPort)", fleet.serverName, fleet.folder])
        #expect(talk.code == 0, "\(talk.output)\n\(fleet.log(of: "homeserver").suffix(3000))")
        #expect(talk.output.contains("all held"))
    }
}
