internal import Bytes
public import Reactor

/// A request's body for a task, which reads it while it comes.
///
/// ```swift
/// router.onStreamingAsync(.put, "/files/{name}") { request, body, files, loop in
///     while let piece = try await body.next(on: loop) { try files.append(piece) }
///     return HTTPResponse(.created)
/// }
/// ```
///
/// Nothing is read, and no `100 Continue` sent, before the first piece is asked for. At most
/// 64 KiB and one receive wait for a task that is slow.
public final class RequestBody {
    private static let waitingBytesMax = 64 * 1024

    private let exchange: HTTPExchange
    private var waiting = ByteQueue()
    private var outcome: BodyFailure??
    private var reader: UnsafeContinuation<Void, Never>?
    private var hasBegun = false
    private var isPaused = false

    init(_ exchange: HTTPExchange) { self.exchange = exchange }

    /// The next piece of the body, never empty, or `nil` behind the last one. One task at a time.
    public func next(on loop: isolated EventLoop) async throws(BodyFailure) -> [UInt8]? {
        if !hasBegun { begin(on: loop) }
        if waiting.isEmpty, outcome == nil {
            precondition(reader == nil, "two tasks read one body")
            await withUnsafeContinuation(isolation: loop) { reader = $0 }
        }
        guard waiting.isEmpty else {
            let piece = waiting.readable.array
            waiting.removeAll()
            if isPaused {
                isPaused = false
                exchange.resumeBody(on: loop)
            }
            return piece
        }
        if case .some(.some(let failure)) = outcome { throw failure }
        return nil
    }

    private func begin(on loop: isolated EventLoop) {
        hasBegun = true
        exchange.receiveBody(on: loop) { bytes in
            self.waiting.append(bytes)
            if self.waiting.count >= Self.waitingBytesMax, !self.isPaused {
                self.isPaused = true
                self.exchange.pauseBody(on: loop)
            }
            self.reader.take()?.resume()
        } end: { failure in
            self.outcome = .some(failure)
            self.reader.take()?.resume()
        }
    }
}
