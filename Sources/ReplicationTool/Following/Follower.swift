internal import Glibc
internal import Reactor
internal import Replication
internal import ReplicationWire

/// What is made of the rows of a main.
protocol FollowerOutput: AnyObject {
    /// Rows of one token.
    func rows(
        _ stream: StreamName, _ rows: [ReplicationRow], position: Int64,
        on loop: isolated EventLoop)

    /// A line, as it came or went.
    func line(_ line: RawSpan, isFromMain: Bool, on loop: isolated EventLoop)

    /// The connection was made or lost, in a few words.
    func connectionEvent(_ text: String, on loop: isolated EventLoop)
}

extension FollowerOutput {
    func rows(
        _ stream: StreamName, _ rows: [ReplicationRow], position: Int64,
        on loop: isolated EventLoop
    ) {}
    func line(_ line: RawSpan, isFromMain: Bool, on loop: isolated EventLoop) {}
    func connectionEvent(_ text: String, on loop: isolated EventLoop) {}
}

/// Follows a main for a command: connects again and again, tells the terminal about it, and knows
/// when it is time to end. Lives on the command's loop.
final class Follower: ReplicationClientDelegate {
    /// How long a listener may take to say that it is a main.
    private static let patience = Duration.seconds(10)

    let client: ReplicationClient
    private let following: Following
    private let output: any FollowerOutput
    private var wasConnected = false
    private var lastTrouble: String?
    private var outcome: Int32?
    private var waiter: UnsafeContinuation<Void, Never>?

    /// Throws what is wrong with the secret, or with a file of TLS.
    init(_ following: Following, output: any FollowerOutput) throws {
        self.following = following
        self.output = output
        var options = ReplicationClient.Options(
            host: following.main.host, port: following.main.port,
            name: "beamline-\(following.name)", serverName: following.serverName)
        options.dialect = following.dialect
        options.secret = try following.access.secret()
        options.security = try following.access.security(of: following.main.host)
        let positions = following.streams.positions
        client = ReplicationClient(
            options: options, streams: following.streams.streams, firstPositions: { positions })
    }

    /// Follows until ``end(_:)`` is called or nothing more can come, and returns the exit code.
    func run(on loop: isolated EventLoop) async -> Int32 {
        client.delegate = self
        client.lineTap = { line, isFromMain in
            self.output.line(line, isFromMain: isFromMain, on: loop)
        }
        let timer = loop.schedule(after: Self.patience) {
            guard !self.wasConnected else { return }
            self.fail(
                "\(self.following.main) has not named itself within "
                    + "\(Self.patience.components.seconds) s; is it a replication listener?")
        }
        client.start(on: loop)
        if outcome == nil {
            await withUnsafeContinuation(isolation: loop) { waiter = $0 }
        }
        loop.cancel(timer)
        client.delegate = nil
        client.lineTap = nil
        client.stop(on: loop)
        return outcome ?? 1
    }

    /// Ends the command with an exit code.
    func end(_ code: Int32) {
        guard outcome == nil else { return }
        outcome = code
        waiter.take()?.resume()
    }

    private func fail(_ text: String) {
        say(text)
        end(1)
    }

    func say(_ text: String) { Notices.say("\(following.name): \(text)") }

    // MARK: The client

    func rows(
        _ stream: StreamName, _ rows: [ReplicationRow], position: Int64,
        on loop: isolated EventLoop
    ) {
        guard outcome == nil else { return }
        output.rows(stream, rows, position: position, on: loop)
    }

    func connected(on loop: isolated EventLoop) {
        wasConnected = true
        lastTrouble = nil
        say("connected to \(following.main)")
        output.connectionEvent("connected to \(following.main)", on: loop)
    }

    func disconnected(reason: String, on loop: isolated EventLoop) {
        output.connectionEvent("disconnected: \(reason)", on: loop)
        guard wasConnected else {
            return fail("\(following.main) cannot be followed: \(reason)")
        }
        report("disconnected: \(reason); connecting again")
    }

    func connectionFailed(_ error: any Error, on loop: isolated EventLoop) {
        let text = "cannot connect to \(following.main): \(error)"
        guard wasConnected else { return fail(text) }
        report(text)
    }

    /// An outage is told once, not with each attempt.
    private func report(_ text: String) {
        guard text != lastTrouble else { return }
        lastTrouble = text
        say(text)
    }

    func streamReset(_ stream: StreamName, on loop: isolated EventLoop) {
        say("the main has started \(stream) again")
    }

    func streamSkipped(_ stream: StreamName, to position: Int64, on loop: isolated EventLoop) {
        say("rows of \(stream) up to \(position) were left out")
    }

    func errorReported(_ text: String, on loop: isolated EventLoop) {
        // What would happen again each time.
        if text.lowercased().contains("unknown stream") { return fail("the main says: \(text)") }
        if text == LinkFailure.secretMissing.text {
            return fail(
                "\(following.main) wants to hear a secret first: name its file by --secret-path")
        }
        if text == LinkFailure.secretWrong.text {
            return fail("\(following.main) has another secret than the one that was given")
        }
        say("the main says: \(text)")
    }
}
