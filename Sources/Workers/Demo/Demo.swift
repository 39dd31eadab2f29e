internal import Glibc
internal import ProcessControl
internal import Reactor

/// `beamline demo`: a fleet of one's own for a while, with users that talk, and a live view of it.
public enum Demo {
    /// What the demo does.
    public struct Options: Sendable {
        /// The fleet's folder; `nil` is a temporary one, which is removed.
        public var directory: String?
        /// How long the users talk; 0 is until Ctrl-C.
        public var seconds = 0
        /// How many users there are.
        public var users = 20
        /// How many messages they send a second, all together.
        public var messagesPerSecond = 20
        /// How many synchrotrons there are.
        public var synchrotrons = 2

        /// The defaults.
        public init() {}
    }

    /// Runs the demo and returns the exit code: 1 if something did not work, or nothing was delivered.
    public static func run(_ options: Options) -> Int32 {
        let isTemporary = options.directory == nil
        guard let directory = options.directory ?? makeTemporaryFolder() else {
            print("beamline demo: no temporary folder can be made")
            return 1
        }
        let code = RunningFleet.run(
            directory: directory, serverName: "demo.local", synchrotrons: options.synchrotrons,
            bcryptRounds: 4
        ) { fleet in
            let members = try fleet.members()
            let loop = try EventLoop()
            let talk = DemoOutcome()
            loop.submit { loop in
                let run = DemoRun(options, members)
                await run.talk(on: loop)
                talk.set(run.summary(on: loop))
                loop.stop()
            }
            loop.run()
            if let failure = talk.failure { throw FleetDirectory.Failure(description: failure) }
        }
        if isTemporary { removeFolder(directory) }
        return code
    }

    private static func makeTemporaryFolder() -> String? {
        var path = Array("/tmp/beamline-demo-XXXXXX".utf8CString)
        guard mkdtemp(&path) != nil else { return nil }
        let folder = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // The database's own user must be able to reach its folder inside.
        chmod(folder, 0o755)
        return folder
    }

    private static func removeFolder(_ path: String) {
        do {
            _ = try ChildProcess(Command("/bin/rm", ["-rf", "--", path])).wait()
        } catch {
            print("beamline demo: \(path) is left behind: \(error)")
        }
    }
}
