import Bytes
import Reactor
import ReactorTesting
import Synchronization
import TLS
import Testing

/// What a loop stands on: every backend that this machine has, and a network that splits and delays
/// whatever passes, differently for each seed.
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

    var isRough: Bool {
        if case .simulated(_, true) = self { true } else { false }
    }

    var testDescription: String {
        switch self {
        case .kernel(let backend): backend.rawValue
        case .simulated(let seed, let rough): "simulated\(rough ? ", rough," : "") \(seed)"
        }
    }
}

let kernels = [EventLoop.Backend.epoll, .ioUring].filter(\.isAvailable).map(Ground.kernel)
let grounds =
    kernels + [.simulated(seed: 1, rough: false)]
    + (2..<8).map { .simulated(seed: $0, rough: true) }

/// Runs `body` as a task on a loop that the calling thread drives, and stops the loop after it.
func onLoop<Result: Sendable>(
    _ ground: Ground, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: @escaping @Sendable (isolated EventLoop) async throws -> Result
) throws -> Result {
    let loop = try ground.makeLoop()
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
    return try #require(outcome.withLock { $0 }, sourceLocation: sourceLocation).get()
}

/// A server's and a client's context that trust each other.
struct Pair {
    let server: TLSServerContext
    let client: TLSClientContext
    let scratch = Scratch()
    let authority = Authority()

    init(
        _ names: String = "DNS:localhost,IP:127.0.0.1",
        server serverOptions: TLSServerOptions = TLSServerOptions(),
        client clientOptions: TLSClientOptions = TLSClientOptions()
    ) throws {
        let issued = authority.issue(names)
        server = try TLSServerContext(
            certificates: [issued.certificate], options: serverOptions)
        var options = clientOptions
        if options.trust == .system {
            options.trust = .authorities(scratch.write(authority.pem, "authority.pem"))
        }
        client = try TLSClientContext(options: options)
    }

    var listening: ListenerOptions { ListenerOptions(security: server) }
}

/// Sends back what it gets, and the end too.
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
    var closesOnEnd = true
    private var waiter:
        (condition: (Recorder) -> Bool, continuation: UnsafeContinuation<Void, Never>)?

    var text: String { String(decoding: bytes, as: UTF8.self) }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        self.bytes += bytes.array
        check()
    }

    func inputEnded(_ channel: Channel, on loop: isolated EventLoop) {
        inputHasEnded = true
        if closesOnEnd { channel.close(on: loop) }
        check()
    }

    func writabilityChanged(_ channel: Channel, on loop: isolated EventLoop) { check() }

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

final class Holder {
    var channel: Channel?
}

/// The error that connecting ends with.
func connectError(
    _ address: SocketAddress, _ security: any ChannelSecurity, on loop: isolated EventLoop
) async -> SystemError? {
    do throws(SystemError) {
        let channel = try await loop.connect(
            to: address, timeout: .seconds(10), security: security
        ) { _ in Recorder() }
        channel.abort(on: loop)
        return nil
    } catch {
        return error
    }
}

extension RawSpan {
    var array: [UInt8] { withUnsafeBytes { Array($0) } }
}
