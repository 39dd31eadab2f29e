public import Reactor

extension HTTPExchange {
    /// Takes the body while it comes, on routes of ``Router/onStreaming(_:_:name:bodyBytesMax:_:)``.
    ///
    /// To be called once; `end` is called exactly once, after the last piece, with `nil` if the
    /// body was complete. The request may be answered before, which ends the body too: what still
    /// comes is thrown away, or the connection closed if that would be too much. On other routes
    /// the body is there already and is given at once.
    ///
    /// Both closures are let go when the body has ended, so they may hold the exchange.
    ///
    /// - Parameters:
    ///   - loop: The loop of the exchange.
    ///   - chunk: Called with each piece, lent for the call: copy what must live longer.
    ///   - end: Called when there is nothing more to come.
    public func receiveBody(
        on loop: isolated EventLoop, chunk: @escaping (RawSpan) -> Void,
        end: @escaping (BodyFailure?) -> Void
    ) {
        if let upload, let connection {
            guard !upload.isTaken else { return }
            upload.take(chunk, end)
            connection.resume(upload, on: loop)
        } else if isDone || isDisconnected {
            end(isDone ? .answered : .disconnected)
        } else {
            let body = request.body
            if !body.isEmpty { chunk(body.span.bytes) }
            end(nil)
        }
    }

    /// Stops reading the body, so that the client is slowed down. At most what has been received
    /// already waits in memory. The pause does not count against the client's time.
    public func pauseBody(on loop: isolated EventLoop) {
        if let upload { connection?.pause(upload, on: loop) }
    }

    /// Reads on after ``pauseBody(on:)``.
    public func resumeBody(on loop: isolated EventLoop) {
        if let upload, upload.isTaken { connection?.resume(upload, on: loop) }
    }
}
