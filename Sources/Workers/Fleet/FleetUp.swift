internal import CProcess
internal import Glibc
internal import PostgresCluster
internal import ProcessControl
internal import Reactor

/// `beamline up`: a fleet in a folder, until Ctrl-C.
public enum FleetUp {
    /// Starts the fleet of a folder, which is made and configured if need be, and keeps it running until SIGINT
    /// or SIGTERM. Returns the exit code.
    public static func run(directory: String, serverName: String, synchrotrons: Int) -> Int32 {
        RunningFleet.run(
            directory: directory, serverName: serverName, synchrotrons: synchrotrons
        ) { fleet in
            let members = try fleet.members()
            print("\nThe fleet runs in \(fleet.path):")
            for member in members {
                let address = member.httpAddress.map { "http://\($0)" } ?? "-"
                print("  \(member.name.padded(to: 18)) \(address)")
            }
            print(
                "Clients talk to main, and send GET /sync to a synchrotron. Ctrl-C stops everything."
            )
            let loop = try EventLoop()
            loop.submit { loop in
                // Cannot fail: the signals are blocked already and one descriptor is free.
                do {
                    try loop.onSignals(RunningFleet.signals) { _ in loop.stop() }
                } catch {
                    print("beamline up: \(error)")
                    loop.stop()
                }
            }
            loop.run()
        }
    }
}

/// Runs something while a fleet is up.
enum RunningFleet {
    /// What ends it in order: Ctrl-C, a request, and the end of the terminal unless `nohup` has it ignored.
    static let signals = [SIGINT, SIGTERM] + (ignores(SIGHUP) ? [] : [SIGHUP])

    /// A blocked signal would reach the loop although the process was started with it ignored.
    private static func ignores(_ signal: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(signal, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    static func run(
        directory: String, serverName: String, synchrotrons: Int, bcryptRounds: Int? = nil,
        _ body: (FleetDirectory) throws -> Void
    ) -> Int32 {
        // So that a pipe sees each line when it is written.
        cprocess_buffer_output_by_line()
        // And that no fleet is left behind when that pipe closes.
        signal(SIGPIPE, SIG_IGN)
        EventLoop.blockSignals(signals)
        do {
            let fleet = try FleetDirectory(
                path: directory, serverName: serverName, synchrotrons: synchrotrons,
                bcryptRounds: bcryptRounds)
            // Two at once would undo each other's work.
            let claim = try fleet.claim()
            defer { claim.release() }
            print(fleet.isConfigured ? "Using \(fleet.path)" : "Making a fleet in \(fleet.path)")
            let cluster = try fleet.startDatabase()
            print("PostgreSQL runs, its socket is in \(cluster.socketFolder)")
            try fleet.configure()
            var failure: (any Error)?
            do {
                try fleet.start()
                try body(fleet)
            } catch {
                failure = error
            }
            print("Stopping")
            do { try fleet.synctl("stop") } catch { failure = failure ?? error }
            try cluster.stop()
            if let failure { throw failure }
            return 0
        } catch {
            print("beamline: \(error)")
            return 1
        }
    }
}

extension String {
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }

    func aligned(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - count)) + self
    }
}
