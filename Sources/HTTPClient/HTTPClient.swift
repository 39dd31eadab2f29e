internal import CCurl
public import Reactor

/// An HTTP client on a loop: libcurl, driven by the loop's own watches and timers.
///
/// It belongs to the loop it was made on. Connections are kept and used again, names are resolved
/// off the loop, and every size and time has a limit.
///
/// ```swift
/// let client = try HTTPClient(on: loop)
/// let response = try await client.send(HTTPClientRequest(.get, "https://example.org/"), on: loop)
/// print(response.status.code, response.text)
/// ```
///
/// A request on a kept connection that turns out to be dead, before any byte of a response has come,
/// is sent again on another one.
public final class HTTPClient {
    let core: ClientCore

    /// A client of the given habits.
    ///
    /// Throws ``HTTPClientError/Code/failed`` if the installed libcurl cannot be used, and
    /// ``HTTPClientError/Code/invalidRequest`` if it lacks what the options ask for.
    public init(
        _ options: HTTPClientOptions = HTTPClientOptions(), on loop: isolated EventLoop
    ) throws(HTTPClientError) {
        guard CurlMulti.isReady else { throw HTTPClientError(.failed, "libcurl cannot be set up") }
        guard CurlMulti.hasFeature(CURL_VERSION_ASYNCHDNS) else {
            throw HTTPClientError(.failed, "the installed libcurl blocks while it resolves names")
        }
        if options.version == .http2IfOffered, !CurlMulti.hasFeature(CURL_VERSION_HTTP2) {
            throw HTTPClientError(.invalidRequest, "the installed libcurl does not speak HTTP/2")
        }
        core = ClientCore(options, on: loop)
    }

    deinit {
        guard !core.isClosed else { return }
        // What the client consists of lives on its loop, which a nonisolated deinit cannot know;
        // nobody else holds the core but its transfers, on the same loop.
        nonisolated(unsafe) let core = core
        let loop = core.loop
        if loop.isCurrent {
            loop.assumeIsolated { loop in core.abandon(on: loop) }
        } else {
            loop.submit { loop in core.abandon(on: loop) }
        }
    }

    /// What the installed libcurl calls itself, for logs.
    public static var version: String { CurlMulti.version }

    /// The number of requests that are with libcurl.
    public var runningCount: Int { core.runningCount }

    /// The number of requests that wait for their turn.
    public var waitingCount: Int { core.waitingCount }

    /// The number of open connections, idle ones among them.
    public var connectionCount: Int {
        core.sockets.values.count { $0.isKept || $0.watch != nil }
    }

    /// Sends a request, and collects the response.
    ///
    /// Cancelling the task ends the transfer and frees what it holds.
    public func send(
        _ request: HTTPClientRequest, on loop: isolated EventLoop
    ) async throws(HTTPClientError) -> HTTPClientResponse {
        let transfer = try transfer(for: request)
        return try await wait(for: transfer, on: loop) { .collect($0) }
    }

    /// Sends a request, and tells `handler` what comes, as it comes.
    ///
    /// What is wrong with the request is thrown; `handler` is not called then, and never before this
    /// returns. The client holds it until it has ended.
    @discardableResult
    public func start(
        _ request: HTTPClientRequest, handler: any HTTPTransferHandler,
        on loop: isolated EventLoop
    ) throws(HTTPClientError) -> HTTPTransfer {
        let transfer = try transfer(for: request)
        transfer.sink = .handler(handler)
        try core.begin(transfer, on: loop)
        return transfer
    }

    /// Ends all requests with ``HTTPClientError/Code/closed`` and closes all connections.
    public func close(on loop: isolated EventLoop) { core.close(.closed, on: loop) }

    private func transfer(for request: HTTPClientRequest) throws(HTTPClientError) -> HTTPTransfer {
        HTTPTransfer(
            try OutgoingRequest(request, core.options),
            timeout: request.timeout ?? core.options.timeout,
            bodyBytesMax: request.bodyBytesMax ?? core.options.bodyBytesMax, core: core)
    }

    /// Parks the calling task until the transfer has ended.
    func wait<Value>(
        for transfer: HTTPTransfer, on loop: isolated EventLoop,
        sink: (UnsafeContinuation<Result<Value, HTTPClientError>, Never>) -> HTTPTransfer.Sink
    ) async throws(HTTPClientError) -> Value {
        if Task.isCancelled { throw .cancelled }
        let bound = BoundToLoop(transfer, loop)
        let outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation(isolation: loop) { continuation in
                transfer.sink = sink(continuation)
                do throws(HTTPClientError) {
                    try core.begin(transfer, on: loop)
                } catch {
                    transfer.sink = .none
                    continuation.resume(returning: .failure(error))
                }
            }
        } onCancel: {
            bound.submit { transfer, loop in transfer.cancel(on: loop) }
        }
        return try outcome.get()
    }
}
