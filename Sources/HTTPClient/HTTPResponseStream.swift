internal import Bytes
public import Reactor

/// A response whose body is read piece by piece with `await`.
///
/// While nobody reads, pieces wait up to ``HTTPClientOptions/streamHighWaterMark``; then the server
/// is slowed down. Letting the stream go, or ``cancel(on:)``, gives up what is left of it.
public final class HTTPResponseStream {
    private let receiver: Receiver

    fileprivate init(_ receiver: Receiver) { self.receiver = receiver }

    deinit {
        guard let transfer = receiver.transfer, !transfer.hasEnded else { return }
        // The stream lives on the loop like its transfer, which a nonisolated deinit cannot know.
        nonisolated(unsafe) let held = transfer
        let loop = transfer.core.loop
        if loop.isCurrent {
            loop.assumeIsolated { loop in held.cancel(on: loop) }
        } else {
            loop.submit { loop in held.cancel(on: loop) }
        }
    }

    /// Status and header fields.
    public var head: HTTPClientResponseHead { receiver.head ?? HTTPClientResponseHead() }

    /// The next piece of the body, never an empty one; `nil` at its end. Throws what ended the
    /// transfer early. One task may wait at a time.
    ///
    /// Cancelling the task ends the transfer.
    public func next(on loop: isolated EventLoop) async throws(HTTPClientError) -> [UInt8]? {
        try await receiver.next(on: loop)
    }

    /// Gives up what is left of the body.
    public func cancel(on loop: isolated EventLoop) { receiver.transfer?.cancel(on: loop) }

    /// Takes what comes and parks who waits for it.
    fileprivate final class Receiver: HTTPTransferHandler {
        weak var transfer: HTTPTransfer?
        var head: HTTPClientResponseHead?
        private var piece: [UInt8] = []
        private var isOver = false
        private var error: HTTPClientError?
        private var waiter: UnsafeContinuation<Void, Never>?

        func received(
            _ head: HTTPClientResponseHead, of transfer: HTTPTransfer, on loop: isolated EventLoop
        ) {
            self.head = head
            transfer.pauseReading(on: loop)
            waiter.take()?.resume()
        }

        func received(_ bytes: RawSpan, of transfer: HTTPTransfer, on loop: isolated EventLoop) {
            bytes.withUnsafeBytes { piece.append(contentsOf: $0) }
            transfer.pauseReading(on: loop)
            waiter.take()?.resume()
        }

        func ended(
            _ transfer: HTTPTransfer, error: HTTPClientError?, on loop: isolated EventLoop
        ) {
            isOver = true
            self.error = error
            waiter.take()?.resume()
        }

        /// Parks until there is something new, or everything has ended.
        func park(on loop: isolated EventLoop) async {
            guard !isOver, let transfer else { return }
            precondition(waiter == nil, "two tasks wait for one response")
            let bound = BoundToLoop(transfer, loop)
            await withTaskCancellationHandler {
                await withUnsafeContinuation(isolation: loop) { waiter = $0 }
            } onCancel: {
                bound.submit { transfer, loop in transfer.cancel(on: loop) }
            }
        }

        func next(on loop: isolated EventLoop) async throws(HTTPClientError) -> [UInt8]? {
            while piece.isEmpty {
                if isOver {
                    if let error { throw error }
                    return nil
                }
                transfer?.resumeReading(on: loop)
                await park(on: loop)
            }
            defer { piece = [] }
            return piece
        }

        func waitForHead(on loop: isolated EventLoop) async throws(HTTPClientError) {
            while head == nil {
                if let error { throw error }
                await park(on: loop)
            }
        }
    }
}

extension HTTPClient {
    /// Sends a request, and returns once the head of the response is there.
    ///
    /// Cancelling the task ends the transfer.
    public func open(
        _ request: HTTPClientRequest, on loop: isolated EventLoop
    ) async throws(HTTPClientError) -> HTTPResponseStream {
        if Task.isCancelled { throw .cancelled }
        let receiver = HTTPResponseStream.Receiver()
        let transfer = try start(request, handler: receiver, on: loop)
        receiver.transfer = transfer
        try await receiver.waitForHead(on: loop)
        return HTTPResponseStream(receiver)
    }
}
