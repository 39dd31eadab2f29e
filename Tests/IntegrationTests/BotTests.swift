import Foundation
import Testing

@Suite("A bot")
struct BotTests {
    @Test(
        "a bot of simplematrixbotlib joins, answers and reacts",
        .enabled(
            if: WorkersDocumentTests.python != nil,
            "BEAMLINE_TEST_PYTHON is not set; make test sets it"),
        .timeLimit(.minutes(5)))
    func realBot() throws {
        let fleet = try TestFleet([])
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver]) }
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Clients/bot.py").path
        let talk = try Program.run(
            WorkersDocumentTests.python ?? "",
            [script, "http://127.0.0.1:\(fleet.mainPort)", fleet.serverName, fleet.folder])
        #expect(talk.code == 0, "\(talk.output)\n\(fleet.log(of: "homeserver").suffix(3000))")
        #expect(talk.output.contains("all held"))
    }
}
