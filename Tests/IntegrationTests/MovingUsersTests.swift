import Foundation
import ProcessControl
import Testing

@Suite("matrix-nio behind load balancers", .serialized)
struct MovingUsersTests {
    private static let python = ProcessInfo.processInfo.environment["BEAMLINE_TEST_PYTHON"]

    @Test(
        "users who move between workers at random lose nothing and see nothing twice",
        .enabled(if: python != nil, "BEAMLINE_TEST_PYTHON has matrix-nio"),
        arguments: Proxy.allCases)
    func moving(proxy: Proxy) throws {
        guard let program = proxy.program else { return }
        let fleet = try TestFleet.synchrotrons(2)
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let port = try freePorts(1)[0]
        let routes = try Program.run(
            Program.built("beamline"),
            [
                "routes", "--format", proxy.rawValue, "-c", fleet.homeserver, fleet.workersFolder,
                "--listen", "127.0.0.1:\(port)", "--no-sticky",
            ])
        #expect(routes.code == 0, "\(routes.output)")
        let arguments = try proxy.command(program, routes.output, in: fleet.folder)
        var command = Command(arguments[0], Array(arguments.dropFirst()))
        command.output = .file("\(fleet.folder)/proxy.log")
        command.error = .file("\(fleet.folder)/proxy.log")
        let balancer = try ChildProcess(command)
        defer {
            balancer.signal(SIGTERM)
            _ = balancer.wait()
        }
        let place = ListenProbe.tcp(host: "127.0.0.1", port: port)
        let limit = Date(timeIntervalSinceNow: 30)
        while !place.isListening(), Date() < limit { sched_yield() }
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "Clients/moving_users.py").path
        let outcome = try Program.run(
            try #require(Self.python),
            [script, "http://127.0.0.1:\(port)", fleet.serverName, "4", "40"])
        #expect(
            outcome.code == 0, "\(outcome.output)\n\(fleet.log(of: "synchrotron1").suffix(3000))")
        #expect(outcome.output.contains("held: nothing lost, nothing twice"))
        // Both had their share, or nobody moved.
        for worker in fleet.workers {
            let syncs = fleet.log(of: worker.name).ranges(of: "/sync").count
            #expect(syncs > 10, "\(worker.name) served \(syncs) syncs")
        }
    }
}
