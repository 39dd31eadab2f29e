import Reactor
import Synchronization
import Testing

/// Runs `body` as a task on a loop that the calling thread drives.
func onLoop<Result: Sendable>(
    _ body: @escaping @Sendable (isolated EventLoop) async throws -> Result
) throws -> Result {
    let loop = try EventLoop()
    let outcome = Mutex<Swift.Result<Result, any Error>?>(nil)
    loop.submit { loop in
        do {
            let value = try await body(loop)
            outcome.withLock { $0 = .success(value) }
        } catch {
            outcome.withLock { $0 = .failure(error) }
        }
        loop.stop()
    }
    loop.run()
    return try #require(outcome.withLock { $0 }).get()
}
