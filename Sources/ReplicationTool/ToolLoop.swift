internal import Glibc
internal import Reactor
internal import Synchronization

/// A loop for one command, which it runs on the calling thread.
enum ToolLoop {
    /// What ends a command in order.
    static let signals = [SIGINT, SIGTERM]

    /// Runs `body` on a loop and returns its exit code. `interrupted` is what Ctrl-C calls, once
    /// the body has set it.
    static func run(
        _ command: String,
        _ body: @escaping @Sendable (Interruption, isolated EventLoop) async throws -> Int32
    ) -> Int32 {
        signal(SIGPIPE, SIG_IGN)
        EventLoop.blockSignals(signals)
        let outcome = Outcome()
        do {
            let loop = try EventLoop()
            loop.submit { loop in
                let interruption = Interruption()
                do {
                    try loop.onSignals(signals) { _ in interruption.happen() }
                    outcome.code.store(try await body(interruption, loop), ordering: .relaxed)
                } catch {
                    Notices.say("\(command): \(error)")
                }
                loop.stop()
            }
            loop.run()
        } catch {
            Notices.say("\(command): \(error)")
        }
        return outcome.code.load(ordering: .relaxed)
    }

    private final class Outcome: Sendable {
        let code = Atomic<Int32>(1)
    }
}

/// Ctrl-C, or a request to end. Lives on the command's loop.
final class Interruption {
    private(set) var hasHappened = false
    /// Called when it happens.
    var onInterrupt: (() -> Void)?

    func happen() {
        hasHappened = true
        onInterrupt?()
    }
}
