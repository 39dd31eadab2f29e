import JSON
import Reactor
import Testing

@testable import Workers

@Suite("Logging out of a fleet")
struct LogoutTests {
    @Test("a synchrotron that knew the token refuses it", .timeLimit(.minutes(2)))
    func synchrotron() throws {
        let fleet = try TestFleet.synchrotrons(1)
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let (mainPort, synchrotronPort) = (fleet.mainPort, fleet.workers[0].port)
        try onLoop { loop in
            let main = DemoConnection(to: .loopback(port: mainPort))
            let synchrotron = DemoConnection(to: .loopback(port: synchrotronPort))
            let account = try await main.json(
                "POST", "/_matrix/client/v3/register",
                body: [
                    "username": "leaver", "password": "secret",
                    "auth": ["type": "m.login.dummy"],
                ], on: loop)
            let token = try #require(account["access_token"]?.stringValue)
            let sync = "/_matrix/client/v3/sync"
            _ = try await synchrotron.json("GET", sync, token: token, on: loop)
            _ = try await main.json(
                "POST", "/_matrix/client/v3/logout", token: token, body: [:], on: loop)
            // The news travels by replication: asked often enough, the synchrotron has heard it.
            var status = 200
            while status == 200 {
                status = try await synchrotron.request("GET", sync, token: token, on: loop).status
            }
            #expect(status == 401)
        }
    }
}
