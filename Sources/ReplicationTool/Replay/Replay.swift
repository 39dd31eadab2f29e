internal import Glibc
internal import Reactor
public import ReplicationWire

/// `beamline replication replay`: a recorded session, played to workers as their main would.
public enum Replay {
    /// What is played, and how.
    public struct Options: Sendable {
        /// The file.
        public var path: String
        /// Where to listen.
        public var address: Endpoint
        /// How many times as fast as it was recorded; nil is as fast as the workers take it.
        public var speed: Double? = 1
        /// How many workers must have subscribed before it begins.
        public var workers = 1
        /// Whether it begins again at its end, with tokens that go on, until Ctrl-C.
        public var loops = false
        /// How the file's lines are read, and spoken; nil to see by themselves.
        public var dialect: Dialect?
        /// What `SERVER` says.
        public var serverName = "localhost"
        /// What workers must say first, and the certificate of a listener that speaks TLS.
        public var access = Access()
        /// Which of the file's connections is played; nil for the one with most rows.
        public var connection: Int?

        /// A file, and where to listen.
        public init(path: String, address: Endpoint) {
            self.path = path
            self.address = address
        }
    }

    /// Plays until the end or Ctrl-C, says how it went, and returns the exit code.
    public static func run(_ options: Options) -> Int32 {
        ToolLoop.run("replay") { interruption, loop in
            do {
                let capture = try await Capture(
                    scanning: options.path, dialect: options.dialect, on: loop)
                let player = try Player(capture, options, interruption)
                let outcome = try await player.play(on: loop) { address in
                    Notices.tell("Listening on \(address): \(player.summary)")
                }
                Notices.tell(text(of: outcome))
                return 0
            } catch {
                Notices.say("replay: \(error)")
                return 1
            }
        }
    }

    private static func text(of outcome: Player.Outcome) -> String {
        guard outcome.rows > 0 else { return "Nothing was played." }
        func each(_ count: Int) -> Double {
            (outcome.cpuSeconds / Double(max(1, count)) * 1e6).rounded(to: 2)
        }
        let rate = Int(Double(outcome.rows) / max(outcome.seconds, 1e-6))
        return "\(outcome.rows) rows to \(outcome.workers) worker(s) in "
            + "\(outcome.seconds.rounded(to: 3)) s: \(rate) rows/s, \(each(outcome.rows)) µs of CPU "
            + "per row, \(each(outcome.deliveredRows)) per row and worker."
    }
}
