import Bytes
import Reactor
import ReactorTesting
import Synchronization
import Testing

/// What a loop stands on.
enum Ground: Sendable, Hashable, CustomTestStringConvertible {
    case kernel(EventLoop.Backend)
    case simulated(seed: UInt64, rough: Bool)

    func makeLoop() throws(SystemError) -> EventLoop {
        switch self {
        case .kernel(let backend): try EventLoop(backend: backend)
        case .simulated(let seed, let rough):
            try .simulated(seed: seed, faults: rough ? .rough : NetworkFaults())
        }
    }

    var testDescription: String {
        switch self {
        case .kernel(let backend): backend.rawValue
        case .simulated(let seed, let rough): "simulated\(rough ? ", rough," : "") \(seed)"
        }
    }
}

/// Every suite of channels and loops runs once per backend that this machine offers…
let kernels = [EventLoop.Backend.epoll, .ioUring].filter(\.isAvailable).map(Ground.kernel)

/// …and, where nothing depends on the kernel, in simulation: calm, and as rough as is legal.
let grounds =
    kernels + [.simulated(seed: 1, rough: false)]
    + (2..<5).map { .simulated(seed: $0, rough: true) }

/// Runs `body` as a task on a loop that the calling thread drives, and stops the loop after it.
func onLoop<Result: Sendable>(
    _ ground: Ground, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: @escaping @Sendable (isolated EventLoop) async throws -> Result
) throws -> Result {
    let loop = try ground.makeLoop()
    let outcome = Box<Swift.Result<Result, any Error>>()
    loop.submit { loop in
        do {
            outcome.set(.success(try await body(loop)))
        } catch {
            outcome.set(.failure(error))
        }
        loop.stop()
    }
    loop.run()
    return try #require(outcome.value, sourceLocation: sourceLocation).get()
}

/// Holds a value that one thread sets and another reads afterwards.
final class Box<Value: Sendable>: Sendable {
    private let storage = Mutex<Value?>(nil)
    var value: Value? { storage.withLock { $0 } }
    func set(_ value: Value) { storage.withLock { $0 = value } }
}

/// Sends back what it gets.
final class Echo: ChannelHandler {
    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        channel.write(bytes, on: loop)
    }
}

/// Collects what a channel is told and lets a task wait for it.
final class Recorder: ChannelHandler {
    var bytes: [UInt8] = []
    var inputHasEnded = false
    var reason: CloseReason?
    var writabilityChanges = 0
    var closesOnEnd = true
    private var waiter:
        (condition: (Recorder) -> Bool, continuation: UnsafeContinuation<Void, Never>)?

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        self.bytes += bytes.array
        check()
    }

    func inputEnded(_ channel: Channel, on loop: isolated EventLoop) {
        inputHasEnded = true
        if closesOnEnd { channel.close(on: loop) }
        check()
    }

    func writabilityChanged(_ channel: Channel, on loop: isolated EventLoop) {
        writabilityChanges += 1
        check()
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        self.reason = reason
        check()
    }

    /// Parks until the condition holds.
    func wait(on loop: isolated EventLoop, until condition: @escaping (Recorder) -> Bool) async {
        if condition(self) { return }
        await withUnsafeContinuation(isolation: loop) { waiter = (condition, $0) }
    }

    private func check() {
        guard let waiter, waiter.condition(self) else { return }
        self.waiter = nil
        waiter.continuation.resume()
    }
}
