public import Reactor
public import ReactorTesting
import Synchronization

/// What a test is told when its loop ended before its body did.
public struct LoopEndedEarly: Error {}

/// Runs `body` as a task on a loop that the calling thread drives.
public func onLoop<Result: Sendable>(
    _ backend: EventLoop.Backend = .auto,
    _ body: @escaping @Sendable (isolated EventLoop) async throws -> Result
) throws -> Result {
    try run(try EventLoop(backend: backend), body)
}

/// Runs `body` as a task on a simulated loop.
public func onSimulatedLoop<Result: Sendable>(
    seed: UInt64, clock: ManualClock = ManualClock(), faults: NetworkFaults = NetworkFaults(),
    _ body: @escaping @Sendable (isolated EventLoop) async throws -> Result
) throws -> Result {
    try run(try EventLoop.simulated(seed: seed, clock: clock, faults: faults), body)
}

private func run<Result: Sendable>(
    _ loop: EventLoop, _ body: @escaping @Sendable (isolated EventLoop) async throws -> Result
) throws -> Result {
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
    guard let outcome = outcome.withLock({ $0 }) else { throw LoopEndedEarly() }
    return try outcome.get()
}
