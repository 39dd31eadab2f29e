internal import Bytes
internal import CCurl
internal import Reactor

extension HTTPTransfer {
    /// Tells the handler what has come, as far as it wants to know, and lets libcurl go on. Runs
    /// outside of libcurl.
    func deliver(on loop: isolated EventLoop) {
        guard phase == .running || phase == .received else { return }
        deliverBody(on: loop)
        guard phase != .ended else { return }
        if let upload = request.upload, upload.owesWritability { upload.tellWritability() }
        guard phase != .ended else { return }
        resumeCurl(on: loop)
        if phase == .received, pending.isEmpty, response.isHeadTold, !isPaused {
            complete(on: loop)
        }
    }

    private func deliverBody(on loop: isolated EventLoop) {
        guard case .handler(let handler) = sink, response.isHeadComplete, !response.isRedirect
        else { return }
        if !response.isHeadTold {
            response.isHeadTold = true
            handler.received(response.head, of: self, on: loop)
        }
        guard !isPaused, phase != .ended, !pending.isEmpty else { return }
        // The handler may do what makes libcurl bring more, so what is lent must not be `pending`.
        var piece = ByteQueue()
        swap(&piece, &pending)
        let count = piece.count
        let consumed = piece.readable.withUnsafeBytes { bytes in
            deliver(bytes, to: handler, on: loop)
        }
        guard phase != .ended, consumed < count else { return }
        piece.consume(consumed)
        piece.append(pending.readable)
        swap(&piece, &pending)
    }

    /// Returns how many of the bytes need not be kept.
    private func deliver(
        _ bytes: UnsafeRawBufferPointer, to handler: any HTTPTransferHandler,
        on loop: isolated EventLoop
    ) -> Int {
        guard response.decoder != nil else {
            response.decoded += bytes.count
            guard response.decoded <= bodyBytesMax else {
                end(tooLarge(), on: loop)
                return bytes.count
            }
            handler.received(RawSpan(_unsafeBytes: bytes), of: self, on: loop)
            return bytes.count
        }
        var rest = bytes
        while true {
            do throws(HTTPClientError) {
                let (piece, isExhausted) = try decode(&rest)
                if !piece.isEmpty {
                    handler.received(RawSpan(_unsafeBytes: piece), of: self, on: loop)
                }
                if isExhausted || phase == .ended { return bytes.count }
            } catch {
                end(error, on: loop)
                return bytes.count
            }
            if isPaused { return bytes.count - rest.count }
        }
    }

    /// Lets libcurl send and receive again where it waits for us and need not any more.
    private func resumeCurl(on loop: isolated EventLoop) {
        guard phase == .running, let easy else { return }
        let mayReceive =
            isHeldBack && !isPaused && pending.count < core.options.streamHighWaterMark / 2
        let maySend = request.upload.map { $0.isStarved && !$0.hasNothing } ?? false
        guard mayReceive || maySend else { return }
        if mayReceive { isHeldBack = false }
        if maySend { request.upload?.isStarved = false }
        var direction = CURLPAUSE_CONT
        if isHeldBack { direction |= CURLPAUSE_RECV }
        if request.upload?.isStarved == true { direction |= CURLPAUSE_SEND }
        curl_easy_pause(easy.raw, Int32(direction))
    }

    /// Everything was consumed.
    private func complete(on loop: isolated EventLoop) {
        if let decoder = response.decoder, !decoder.isComplete {
            return end(
                HTTPClientError(.invalidResponse, "the compressed body is incomplete"), on: loop)
        }
        end(nil, on: loop)
    }
}
