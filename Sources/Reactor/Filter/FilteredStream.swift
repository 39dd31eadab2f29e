internal import Bytes
internal import CReactor
internal import Glibc

/// A channel as its filter sees it: the network on one side, the handler on the other.
public final class FilteredStream {
    /// Translated output that may wait for the kernel before more is translated, in bytes.
    private static let encodedBytesMax = 128 << 10

    /// The channel.
    public unowned let channel: Channel
    let filter: any ChannelFilter
    /// What the handler wrote and the filter has not translated.
    private var plain: OutputPool.Loan?
    /// Input that the filter has not taken, because the handler pauses.
    private var held = ByteQueue()
    private var isPumping = false
    private var inputHasEnded = false
    private var inputEndIsTold = false
    private var outputIsFinished = false
    /// The filter has said that nothing more comes, and nothing may.
    private(set) var outputIsShut = false
    private var isEncoding = false
    private var failureIsTold = false
    private var isReceiving = true
    private(set) var isEstablished = false
    private(set) var failure: SystemError?
    private var waiter: UnsafeContinuation<SystemError?, Never>?

    init(_ channel: Channel, _ filter: any ChannelFilter) {
        self.channel = channel
        self.filter = filter
    }

    deinit { if let plain { OutputPool.destroy(plain) } }

    // MARK: For the filter

    /// Queues bytes for the network, during a call from the channel: they go out after it.
    public func send(_ bytes: RawSpan) {
        if !outputIsShut { channel.queueEncoded(bytes) }
    }

    /// Whether plaintext may be given to the handler now.
    public var canDeliver: Bool { channel.takesInput }

    /// Gives plaintext to the handler; call it only while ``canDeliver``. What the handler does
    /// meanwhile may pause or close the channel.
    public func deliver(_ bytes: RawSpan, on loop: isolated EventLoop) {
        channel.deliver(bytes, on: loop)
    }

    /// Tells the handler that nothing more comes from the peer.
    public func endInput(on loop: isolated EventLoop) {
        guard !inputEndIsTold else { return }
        inputEndIsTold = true
        channel.deliverEnd(on: loop)
    }

    /// The handshake is complete: what the handler wrote meanwhile is translated and sent.
    public func established(on loop: isolated EventLoop) {
        guard !isEstablished else { return }
        isEstablished = true
        waiter.take()?.resume(returning: nil)
        updateReceiving(on: loop)
        channel.flushEncoded(on: loop)
    }

    /// Ends the connection because of `error`, after what was queued with ``send(_:)``.
    public func fail(_ error: SystemError, on loop: isolated EventLoop) {
        guard failure == nil else { return }
        failure = error
        // Once the handler has closed the channel, it knows why that ends.
        failureIsTold = !channel.isClosing
        if !isEncoding { dropPlain(on: loop) }
        held = ByteQueue()
        waiter.take()?.resume(returning: error)
        channel.closeBroken(on: loop)
    }

    /// Lends memory of the loop for one record, at least `count` bytes.
    public func withScratch<Result>(
        _ count: Int, on loop: isolated EventLoop,
        _ body: (UnsafeMutableRawBufferPointer) -> Result
    ) -> Result {
        loop.filterScratch.lend(count, body)
    }

    // MARK: For the channel

    func begin(on loop: isolated EventLoop) {
        channel.withEncodedQueue(on: loop) { filter.begin(self, on: loop) }
        channel.flushEncoded(on: loop)
    }

    /// Where the handler's output waits, for as long as there is some.
    func plainQueue(on loop: isolated EventLoop) -> OutputPool.Loan {
        if let plain { return plain }
        let queue = loop.borrowOutput()
        plain = queue
        return queue
    }

    /// The size of that.
    var plainBytes: Int { plain?.pointee.count ?? 0 }

    private func dropPlain(on loop: isolated EventLoop) {
        guard let queue = plain.take() else { return }
        queue.pointee.removeAll()
        loop.giveBackOutput(queue)
    }

    /// Parks until the handshake has ended.
    func handshake(on loop: isolated EventLoop) async -> SystemError? {
        if isEstablished || failure != nil { return failure }
        return await withUnsafeContinuation(isolation: loop) { waiter = $0 }
    }

    func received(_ bytes: UnsafeRawBufferPointer, on loop: isolated EventLoop) {
        guard failure == nil else { return }
        guard channel.encodedBytes < 4 * FilteredStream.encodedBytesMax else {
            // Only answers of the filter's own can have brought it there.
            let error = SystemError(
                "recv", code: ENOBUFS, detail: "the peer does not read what it asks for")
            return fail(error, on: loop)
        }
        let span = RawSpan(_unsafeBytes: bytes)
        if isPumping || !held.isEmpty || !takesInput {
            held.append(span)
        } else {
            isPumping = true
            let used = channel.withEncodedQueue(on: loop) {
                filter.received(span, by: self, on: loop)
            }
            isPumping = false
            if used < span.byteCount, failure == nil {
                held.append(span.extracting(used..<span.byteCount))
            }
        }
        settle(on: loop)
    }

    func networkEnded(on loop: isolated EventLoop) {
        inputHasEnded = true
        settle(on: loop)
    }

    /// Takes up input that was held back.
    func pump(on loop: isolated EventLoop) {
        guard !isPumping, !held.isEmpty, failure == nil, takesInput else { return settle(on: loop) }
        // Taken out while it is read: nothing can be added to it meanwhile.
        var input = ByteQueue()
        swap(&input, &held)
        isPumping = true
        let used = channel.withEncodedQueue(on: loop) {
            filter.received(input.readable, by: self, on: loop)
        }
        isPumping = false
        if failure == nil {
            input.consume(used)
            if !held.isEmpty { input.append(held.readable) }
            if !input.isEmpty { swap(&input, &held) }
        }
        settle(on: loop)
    }

    /// The handshake needs input whatever the handler wants.
    private var takesInput: Bool { !isEstablished || canDeliver }

    /// What follows from the state that a call of the filter has left.
    func settle(on loop: isolated EventLoop) {
        if inputHasEnded, held.isEmpty, takesInput, !inputEndIsTold, failure == nil {
            channel.withEncodedQueue(on: loop) { filter.inputEnded(of: self, on: loop) }
        }
        updateReceiving(on: loop)
        if hasInputDue { channel.visitAtEndOfTurn(on: loop) }
        channel.flushEncoded(on: loop)
    }

    /// The handler has paused or resumed reading.
    func wishChanged(on loop: isolated EventLoop) {
        updateReceiving(on: loop)
        if hasInputDue { channel.visitAtEndOfTurn(on: loop) }
    }

    /// Nobody will look at input any more; it is received for the sake of the peer's FIN.
    func receiveToDiscard(on loop: isolated EventLoop) {
        held = ByteQueue()
        guard !isReceiving else { return }
        isReceiving = true
        channel.setNetworkReceiving(true, on: loop)
    }

    /// Has the network received from only while there is somebody to take it.
    private func updateReceiving(on loop: isolated EventLoop) {
        let wanted = takesInput && held.isEmpty
        guard wanted != isReceiving, !inputHasEnded else { return }
        isReceiving = wanted
        channel.setNetworkReceiving(wanted, on: loop)
    }

    /// Whether input waits that could be taken now.
    var hasInputDue: Bool {
        failure == nil && takesInput && (!held.isEmpty || inputHasEnded && !inputEndIsTold)
    }

    /// What the handler wrote, as far as it is not translated, now the caller's.
    func takePlain() -> OutputPool.Loan? { plain.take() }

    /// Puts back what was taken.
    func putPlain(_ queue: OutputPool.Loan) {
        precondition(plain == nil, "written while the output was taken")
        plain = queue
    }

    /// Translates `output`, which goes before what the handler wrote; returns what is left of it.
    func encode(
        ahead output: OutputPool.Loan?, on loop: isolated EventLoop
    ) -> OutputPool.Loan? {
        let later = plain.take()
        plain = output
        encode(ending: false, on: loop)
        let rest = plain.take()
        plain = later
        return rest
    }

    /// Translates what the handler wrote, as long as the kernel keeps up, and then the end.
    func encode(ending: Bool, on loop: isolated EventLoop) {
        guard isEstablished, failure == nil, plain != nil || ending && !outputIsFinished else {
            return
        }
        channel.withEncodedQueue(on: loop) {
            isEncoding = true
            while let plain, failure == nil,
                channel.encodedBytes < FilteredStream.encodedBytesMax
            {
                let count = plain.pointee.withVector { encodeRecord(of: $0, on: loop) }
                plain.pointee.consume(count)
                if plain.pointee.isEmpty { dropPlain(on: loop) }
            }
            isEncoding = false
            if failure != nil { dropPlain(on: loop) }
            if ending, plain == nil, failure == nil, !outputIsFinished {
                outputIsFinished = true
                filter.finishOutput(of: self, on: loop)
                outputIsShut = true
            }
        }
    }

    /// One record of the front of the queue, straight from its place where that fills the record.
    private func encodeRecord(
        of vector: UnsafeBufferPointer<iovec>, on loop: isolated EventLoop
    ) -> Int {
        let recordBytesMax = filter.recordBytesMax
        let first = UnsafeRawBufferPointer(start: vector[0].iov_base, count: vector[0].iov_len)
        if vector.count == 1 || first.count >= recordBytesMax {
            let record = UnsafeRawBufferPointer(rebasing: first.prefix(recordBytesMax))
            filter.encode(RawSpan(_unsafeBytes: record), for: self, on: loop)
            return record.count
        }
        return withScratch(recordBytesMax, on: loop) { scratch in
            var filled = 0
            for piece in vector where filled < recordBytesMax {
                let count = min(piece.iov_len, recordBytesMax - filled)
                guard count > 0, let base = piece.iov_base else { continue }
                scratch.baseAddress?.advanced(by: filled).copyMemory(from: base, byteCount: count)
                filled += count
            }
            let record = UnsafeRawBufferPointer(rebasing: scratch[..<filled])
            filter.encode(RawSpan(_unsafeBytes: record), for: self, on: loop)
            return filled
        }
    }

    /// A failure of the filter closes the channel as if it had been asked for locally.
    func reason(insteadOf reason: CloseReason) -> CloseReason {
        if reason == .closedLocally, failureIsTold, let failure { return .failed(failure) }
        return reason
    }

    func closed(_ reason: CloseReason, on loop: isolated EventLoop) {
        dropPlain(on: loop)
        held = ByteQueue()
        let error: SystemError =
            switch reason {
            case .failed(let error): error
            case .reset: SystemError("recv", code: ECONNRESET)
            case .closedLocally, .loopStopped: .cancelled("connect")
            }
        if failure == nil { failure = error }
        waiter.take()?.resume(returning: error)
        filter.closed(on: loop)
    }
}
