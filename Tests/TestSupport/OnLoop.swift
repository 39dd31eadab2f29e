public import Reactor
public import ReactorTesting

/// What a test is told when its loop ended before its body did.
public struct LoopEndedEarly: Error {}

/// Runs `body` as a task on a loop that the calling thread drives, and stops the loop after it. With a
/// `limit` the test fails instead of hanging for ever.
public func onLoop<Result: Sendable>(
    _ backend: EventLoop.Backend = .auto, limit: Duration? = nil,
    _ body: @escaping @Sendable (isolated EventLoop) async throws -> Result
) throws -> Result {
    try run(EventLoop(backend: backend), limit: limit, body)
}

/// As above, on whatever ground.
public func onLoop<Result: Sendable>(
    _ ground: Ground, limit: Duration? = nil,
    _ body: @escaping @Sendable (isolated EventLoop) async throws -> Result
) throws -> Result {
    try run(ground.makeLoop(), limit: limit, body)
}

/// Runs `body` as a task on a simulated loop.
public func onSimulatedLoop<Result: Sendable>(
    seed: UInt64, clock: ManualClock = ManualClock(), faults: NetworkFaults = NetworkFaults(),
    _ body: @escaping @Sendable (isolated EventLoop) async throws -> Result
) throws -> Result {
    try run(EventLoop.simulated(seed: seed, clock: clock, faults: faults), body)
}

/// As ``onLoop(_:limit:_:)``, on a loop of the caller's.
public func run<Result: Sendable>(
    _ loop: EventLoop, limit: Duration? = nil,
    _ body: @escaping @Sendable (isolated EventLoop) async throws -> Result
) throws -> Result {
    let outcome = Box<Swift.Result<Result, any Error>>()
    loop.submit { loop in
        if let limit { loop.schedule(after: limit) { loop.stop() } }
        do {
            outcome.set(.success(try await body(loop)))
        } catch {
            outcome.set(.failure(error))
        }
        loop.stop()
    }
    loop.run()
    guard let outcome = outcome.value else { throw LoopEndedEarly() }
    return try outcome.get()
}
