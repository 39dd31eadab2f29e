public import Bytes
internal import Glibc

/// A connected stream socket on a loop.
///
/// What is written is queued and goes out at the end of the loop's turn, in one system call; sooner
/// where many channels write in one turn. The loop keeps the channel and its handler alive until it
/// is closed; then the handler is told and let go.
public final class Channel {
    // All state is internal and each access a load or a store: the compiler then proves that no two
    // overlap, and what it proves costs nothing at run time (see `Owned`).
    private enum Phase {
        case open
        /// Closing once the output is written.
        case draining
        /// Output written and shut down; input is thrown away until the peer's FIN.
        case lingering
        case closed
    }

    let descriptor: Int32
    let token: Token
    private var handler: (any ChannelHandler)?
    private let highWaterMark: Int
    private let lowWaterMark: Int
    private let lingerTimeout: Duration
    private var phase = Phase.open
    /// What the kernel is being given, if anything. While `inFlight` it reads from it, so nothing
    /// may change.
    private var sending: OutputPool.Loan?
    /// What was written since, if anything.
    private var queued: OutputPool.Loan?
    /// The queue that somebody composes output in, with what was queued before.
    private var lent: OutputPool.Loan?
    private var inFlight = false
    private var blocked = false
    private var flushIsDue = false
    private var shutdownIsDue = false
    private var lingers = true
    private var inputHasEnded = false
    /// Whether the driver knows the channel; it does not while the accept callback runs.
    private var hasStarted = false
    private var wantsInput = true
    private var closeTimer: Timer?
    /// Files to be sent, and what was written before each. Rare, hence in a box.
    private var tail: OutputTail?
    /// What stands between the handler and the network, such as TLS.
    private var filtered: FilteredStream?

    private var belowMarks = true

    init(
        _ descriptor: consuming Descriptor, options: ChannelOptions, on loop: isolated EventLoop,
        token: Token? = nil
    ) {
        self.descriptor = descriptor.release()
        highWaterMark = options.highWaterMark
        lowWaterMark = options.lowWaterMark
        lingerTimeout = options.lingerTimeout
        self.token = token ?? loop.insert(.free)
        loop.replace(.channel(self), at: self.token)
    }

    deinit {
        if let sending { OutputPool.destroy(sending) }
        if let queued { OutputPool.destroy(queued) }
        if let lent { OutputPool.destroy(lent) }
    }

    func start(_ handler: any ChannelHandler, on loop: isolated EventLoop) {
        guard phase != .closed else {
            // The accept callback aborted it before it had a handler.
            handler.closed(self, reason: .closedLocally, on: loop)
            return
        }
        self.handler = handler
        if hasStarted {
            // The handshake came before the handler; what followed it may wait.
            filtered?.settle(on: loop)
        } else {
            start(on: loop)
        }
    }

    private func start(on loop: isolated EventLoop) {
        do throws(SystemError) {
            try loop.driver.receive(from: descriptor, token: token)
            hasStarted = true
            if let filtered {
                filtered.begin(on: loop)
            } else if !wantsInput {
                loop.driver.setReceiving(false, on: descriptor, token: token)
            }
        } catch {
            finish(.failed(error), on: loop)
        }
    }

    // MARK: State

    /// Whether the channel has been closed; a closing one that still writes is not.
    public var isClosed: Bool { phase == .closed }

    /// Whether ``close(on:)`` or ``abort(on:)`` was called, or the channel has closed by itself.
    public var isClosing: Bool { phase != .open }

    /// Whether the queued output is below the water marks. While false, a source should pause.
    public var isWritable: Bool { belowMarks }

    /// Output, in bytes, that the kernel has not taken yet.
    public var pendingBytes: Int {
        if filtered == nil, tail == nil { return encodedBytes }
        return encodedBytes + (filtered?.plainBytes ?? 0) + (tail?.count ?? 0)
    }

    /// What the channel's ``ChannelSecurity`` made for it.
    public var filter: (any ChannelFilter)? { filtered?.filter }

    /// The peer's address; `nil` for unnamed Unix sockets and once closed. Costs a system call.
    public var remoteAddress: SocketAddress? {
        guard phase != .closed else { return nil }
        return SocketAddress { getpeername(descriptor, $0, $1) }
    }

    /// This end's address; `nil` for unnamed Unix sockets and once closed. Costs a system call.
    public var localAddress: SocketAddress? {
        guard phase != .closed else { return nil }
        return SocketAddress { getsockname(descriptor, $0, $1) }
    }

    // MARK: Writing

    /// Queues a copy of `bytes`. Dropped once the channel closes.
    public func write(_ bytes: RawSpan, on loop: isolated EventLoop) {
        guard phase == .open, !shutdownIsDue, bytes.byteCount > 0 else { return }
        outputQueue(on: loop).pointee.append(bytes)
        queuedMore(on: loop)
    }

    /// Queues a copy of `bytes`. Dropped once the channel closes.
    public func write(_ bytes: [UInt8], on loop: isolated EventLoop) {
        write(bytes.span.bytes, on: loop)
    }

    /// Lends room for `count` bytes at the end of the output, at least, for a protocol that composes
    /// its messages in place, until ``commit(_:on:)``. `nil` where a write would be dropped.
    ///
    /// The output belongs to the borrower meanwhile, who may not write otherwise: nothing of it is
    /// sent, and the room stays where it is even if the channel closes.
    package func room(
        for count: Int, on loop: isolated EventLoop
    ) -> UnsafeMutableRawBufferPointer? {
        guard phase == .open, !shutdownIsDue else { return nil }
        precondition(lent == nil, "room is lent already")
        let queue: OutputPool.Loan
        if let filtered {
            queue = filtered.takePlain() ?? loop.borrowOutput()
        } else {
            queue = queued ?? loop.borrowOutput()
            queued = nil
        }
        lent = queue
        return queue.pointee.room(for: count)
    }

    /// Takes back what ``room(for:on:)`` lent, with `count` bytes of it, at least one, to be sent.
    package func commit(_ count: Int, on loop: isolated EventLoop) {
        precondition(count > 0, "nothing was written")
        guard let queue = lent else { preconditionFailure("nothing is lent") }
        lent = nil
        guard phase == .open else { return drop(queue, on: loop) }
        queue.pointee.commit(count)
        if let filtered {
            filtered.putPlain(queue)
        } else {
            precondition(queued == nil, "written while room was lent")
            queued = queue
        }
        queuedMore(on: loop)
    }

    /// Queues `shared` without copying it. Dropped once the channel closes.
    public func write(_ shared: SharedBytes, on loop: isolated EventLoop) {
        guard phase == .open, !shutdownIsDue, shared.count > 0 else { return }
        outputQueue(on: loop).pointee.append(shared)
        queuedMore(on: loop)
    }

    /// Where the handler's output is queued.
    @inline(__always)
    private func outputQueue(on loop: isolated EventLoop) -> OutputPool.Loan {
        if let filtered { return filtered.plainQueue(on: loop) }
        return queue(on: loop)
    }

    /// Where output is queued for the kernel, for as long as there is some.
    @inline(__always)
    private func queue(on loop: isolated EventLoop) -> OutputPool.Loan {
        if let queued { return queued }
        let queue = loop.borrowOutput()
        queued = queue
        return queue
    }

    /// Queues `count` bytes of a file from `offset` on, in order with what else is written. Dropped
    /// once the channel closes.
    ///
    /// The loop never waits for the disk and holds no more than a quarter of a mebibyte of it; what
    /// is in the kernel's cache goes to the socket without a copy in this process. If the file turns
    /// out shorter, or cannot be read, the connection is reset, with
    /// ``CloseReason/failed(_:)`` and ENODATA or what the disk said: the peer has been promised more.
    public func write(
        _ file: File, from offset: Int64 = 0, count: Int, on loop: isolated EventLoop
    ) {
        guard phase == .open, !shutdownIsDue, count > 0 else { return }
        let tail = tail ?? OutputTail()
        self.tail = tail
        let before: OutputPool.Loan?
        if let filtered { before = filtered.takePlain() } else { before = queued.take() }
        tail.append(before, FileTransfer(file, from: offset, count: count))
        queuedMore(on: loop)
    }

    private func queuedMore(on loop: isolated EventLoop) {
        if !flushIsDue { flushAtEndOfTurn(on: loop) }
        guard belowMarks else { return }
        let pending = filtered == nil && tail == nil ? encodedBytes : pendingBytes
        guard pending >= highWaterMark else { return }
        belowMarks = false
        handler?.writabilityChanged(self, on: loop)
    }

    private func flushAtEndOfTurn(on loop: isolated EventLoop) {
        guard !flushIsDue, !blocked, !inFlight else { return }
        flushIsDue = true
        loop.flushLater(self)
    }

    /// Writes now what is queued, instead of at the end of the turn.
    public func flush(on loop: isolated EventLoop) {
        flushIsDue = false
        guard phase == .open || phase == .draining else { return }
        guard hasStarted else { return flushAtEndOfTurn(on: loop) }
        if let filtered, filtered.hasInputDue { filtered.pump(on: loop) }
        if let code = offer(on: loop) { return fail("send", code, on: loop) }
        if let failure = tail?.failure {
            loop.driver.resetOnClose(descriptor)
            return finish(.failed(failure), on: loop)
        }
        wrote(on: loop)
    }

    func flushIfDue(on loop: isolated EventLoop) {
        if flushIsDue { flush(on: loop) }
    }

    /// Writes what is queued before the turn ends, if that concerns nobody but the kernel: while
    /// another channel writes, no handler may be called. A failure shows again when it does. Returns
    /// whether nothing is left to be done at the turn's end.
    func flushEarly(on loop: isolated EventLoop) -> Bool {
        guard flushIsDue, phase == .open, belowMarks, hasStarted, !shutdownIsDue,
            filtered == nil, tail == nil
        else { return !flushIsDue }
        guard offer(on: loop) == nil else { return false }
        flushIsDue = false
        return true
    }

    /// Gives the kernel what is queued until that is all or the kernel has enough. Returns `errno`
    /// if it fails.
    private func offer(on loop: isolated EventLoop) -> Int32? {
        while !blocked, !inFlight {
            guard let output = sending ?? nextOutput(on: loop) else { break }
            sending = output
            let outcome = output.pointee.withVector {
                loop.driver.send($0, on: descriptor, token: token)
            }
            switch outcome {
            case .sent(let count): took(count, of: output, on: loop)
            case .blocked: blocked = true
            case .inFlight: inFlight = true
            case .failed(let code) where Channel.isShortage(code): rest(on: loop)
            case .failed(let code): return code
            }
        }
        return nil
    }

    /// Whether the kernel has no memory for a call, which may be over in a moment: no reason to give up a
    /// connection. Unix sockets say ENOBUFS, sendfile(2) says ENOMEM.
    static func isShortage(_ code: Int32) -> Bool { code == ENOBUFS || code == ENOMEM }

    /// Tries again soon. Waiting for the socket's readiness would be no rest, as it is ready.
    private func rest(on loop: isolated EventLoop) {
        blocked = true
        loop.schedule(after: .milliseconds(10)) {
            self.blocked = false
            self.flush(on: loop)
        }
    }

    @inline(__always)
    private func nextOutput(on loop: isolated EventLoop) -> OutputPool.Loan? {
        if tail != nil { return nextOfTail(on: loop) }
        if let filtered {
            filtered.encode(ending: phase == .draining || shutdownIsDue, on: loop)
            guard phase != .closed, let queued, !queued.pointee.isEmpty else { return nil }
        }
        return queued.take()
    }

    /// As above, while files are part of it.
    private func nextOfTail(on loop: isolated EventLoop) -> OutputPool.Loan? {
        var turns = 4
        while let tail {
            if tail.current != nil { return encodeTail(tail, on: loop) }
            switch tail.next(for: self, copies: filtered != nil, on: loop) {
            case .output(let output):
                guard filtered != nil else { return output }
                tail.current = output
            case .sent:
                turns -= 1
                guard turns == 0 else { continue }
                // A big file and a fast peer: others have their turn.
                flushIsDue = true
                loop.flushLater(self)
                return nil
            case .blocked:
                blocked = true
                return nil
            case .short:
                rest(on: loop)
                return nil
            case .waiting: return nil
            case .failed(let error):
                tail.failure = error
                return nil
            case .done: self.tail = nil
            }
        }
        return nextOutput(on: loop)
    }

    private func encodeTail(
        _ tail: OutputTail, on loop: isolated EventLoop
    ) -> OutputPool.Loan? {
        guard let filtered else { return nil }
        tail.current = filtered.encode(ahead: tail.current, on: loop)
        guard phase != .closed, let queued, !queued.pointee.isEmpty else { return nil }
        return self.queued.take()
    }

    private func took(_ count: Int, of output: OutputPool.Loan, on loop: isolated EventLoop) {
        output.pointee.consume(count)
        guard output.pointee.isEmpty else { return }
        sending = nil
        loop.giveBackOutput(output)
    }

    private func wrote(on loop: isolated EventLoop) {
        if !belowMarks, pendingBytes < lowWaterMark {
            belowMarks = true
            if phase == .open { handler?.writabilityChanged(self, on: loop) }
        }
        guard pendingBytes == 0, !inFlight else { return }
        if phase == .draining {
            linger(on: loop)
        } else if shutdownIsDue, phase == .open, filtered?.outputIsShut != false {
            loop.driver.shutdownOutput(descriptor)
        }
    }

    // MARK: Reading

    /// Stops receiving, so that the peer is slowed down. Errors are told all the same.
    public func pauseReading(on loop: isolated EventLoop) {
        guard phase == .open else { return }
        setReceiving(false, on: loop)
    }

    /// Receives again after ``pauseReading(on:)``.
    public func resumeReading(on loop: isolated EventLoop) {
        guard phase == .open else { return }
        setReceiving(true, on: loop)
    }

    private func setReceiving(_ enabled: Bool, on loop: isolated EventLoop) {
        guard enabled != wantsInput else { return }
        wantsInput = enabled
        if let filtered { return filtered.wishChanged(on: loop) }
        guard hasStarted, !inputHasEnded else { return }
        loop.driver.setReceiving(enabled, on: descriptor, token: token)
    }

    // MARK: Closing

    /// Closes after what is queued has been written.
    ///
    /// The peer gets a FIN behind the last byte; its own input is thrown away until its FIN, since
    /// closing over unread input would reset the connection and could destroy what it has not read
    /// yet. All of that takes ``ChannelOptions/lingerTimeout`` at most.
    ///
    /// Without `lingering` it does not wait for the peer's FIN: right where the peer has nothing to
    /// say and may leave the connection lying for long.
    public func close(lingering: Bool = true, on loop: isolated EventLoop) {
        guard phase == .open else { return }
        lingers = lingering
        phase = .draining
        setReceiving(true, on: loop)
        closeTimer = loop.schedule(after: lingerTimeout) { self.abort(on: loop) }
        if filtered == nil, pendingBytes == 0, !inFlight {
            linger(on: loop)
        } else {
            flushAtEndOfTurn(on: loop)
        }
    }

    /// Closes at once; what is queued is lost and the peer sees a reset.
    public func abort(on loop: isolated EventLoop) {
        guard phase != .closed else { return }
        loop.driver.resetOnClose(descriptor)
        finish(.closedLocally, on: loop)
    }

    /// Tells the peer that nothing more comes, after what is queued; input goes on.
    public func shutdownOutput(on loop: isolated EventLoop) {
        guard phase == .open, !shutdownIsDue else { return }
        shutdownIsDue = true
        if filtered != nil {
            flushAtEndOfTurn(on: loop)
        } else if pendingBytes == 0, !inFlight {
            wrote(on: loop)
        }
    }

    private func linger(on loop: isolated EventLoop) {
        guard lingers, !inputHasEnded else { return finish(.closedLocally, on: loop) }
        phase = .lingering
        filtered?.receiveToDiscard(on: loop)
        loop.driver.shutdownOutput(descriptor)
    }

    private func fail(_ call: String, _ code: Int32, on loop: isolated EventLoop) {
        if phase == .lingering || phase == .draining {
            finish(.closedLocally, on: loop)
        } else if code == ECONNRESET || code == EPIPE {
            finish(.reset, on: loop)
        } else {
            finish(.failed(SystemError(call, code: code)), on: loop)
        }
    }

    func finish(_ reason: CloseReason, on loop: isolated EventLoop) {
        guard phase != .closed else { return }
        phase = .closed
        if let closeTimer { loop.cancel(closeTimer) }
        loop.driver.forget(descriptor, token: token)
        loop.remove(token)
        Glibc.close(descriptor)
        if inFlight { loop.keepUntilSent(self) } else { drop(sending.take(), on: loop) }
        drop(queued.take(), on: loop)
        tail = nil
        belowMarks = false
        let told = filtered?.reason(insteadOf: reason) ?? reason
        filtered.take()?.closed(told, on: loop)
        handler.take()?.closed(self, reason: told, on: loop)
    }

    private func drop(_ output: OutputPool.Loan?, on loop: isolated EventLoop) {
        guard let output else { return }
        output.pointee.removeAll()
        loop.giveBackOutput(output)
    }

    // MARK: Completions

    func handle(_ event: Completion.Event, on loop: isolated EventLoop) {
        switch event {
        case .received(let buffer):
            if let filtered {
                if phase != .lingering { filtered.received(buffer, on: loop) }
                return
            }
            guard phase == .open else { return }
            handler?.received(RawSpan(_unsafeBytes: buffer), from: self, on: loop)
        case .endOfInput:
            inputHasEnded = true
            switch phase {
            case .open:
                if let filtered { return filtered.networkEnded(on: loop) }
                handler?.inputEnded(self, on: loop)
            case .lingering: finish(.closedLocally, on: loop)
            case .draining:
                // A handshake that cannot go on holds back what was written for ever.
                if filtered?.isEstablished == false { finish(.closedLocally, on: loop) }
            case .closed: break
            }
        case .receiveFailed(let code): fail("recv", code, on: loop)
        case .writable:
            blocked = false
            flush(on: loop)
        case .sent(let count):
            inFlight = false
            if let sending { took(count, of: sending, on: loop) }
            flush(on: loop)
        case .sendFailed(let code):
            inFlight = false
            if Channel.isShortage(code) { rest(on: loop) } else { fail("send", code, on: loop) }
        case .accepted, .acceptFailed, .connected, .ready: break
        }
    }

    // MARK: Filters

    /// Puts a filter between handler and network, before the channel starts.
    func install(_ filter: any ChannelFilter) { filtered = FilteredStream(self, filter) }

    /// Starts without a handler and returns when the filter's handshake is over.
    func handshake(on loop: isolated EventLoop) async -> SystemError? {
        guard let filtered else { return nil }
        start(on: loop)
        return await filtered.handshake(on: loop)
    }

    /// Whether the filter may go on: there is a handler that reads, or nobody will any more.
    var takesInput: Bool { phase == .open ? wantsInput && handler != nil : phase == .draining }

    /// What stands between the filter and the kernel, in bytes.
    @inline(__always)
    var encodedBytes: Int { (sending?.pointee.count ?? 0) + (queued?.pointee.count ?? 0) }

    func queueEncoded(_ bytes: RawSpan) {
        guard phase == .open || phase == .draining else { return }
        let queue = queued ?? OutputPool.make()
        queued = queue
        queue.pointee.append(bytes)
    }

    /// Has ``queueEncoded(_:)`` find a queue of the loop's pool during `body`.
    func withEncodedQueue<Result>(on loop: isolated EventLoop, _ body: () -> Result) -> Result {
        if phase != .closed { _ = queue(on: loop) }
        defer {
            if let queue = queued, queue.pointee.isEmpty {
                queued = nil
                loop.giveBackOutput(queue)
            }
        }
        return body()
    }

    func flushEncoded(on loop: isolated EventLoop) {
        if phase == .open || phase == .draining { flushAtEndOfTurn(on: loop) }
    }

    /// Like ``flushEncoded(on:)``, also while the kernel takes nothing: input is due.
    func visitAtEndOfTurn(on loop: isolated EventLoop) {
        guard !flushIsDue, phase == .open || phase == .draining else { return }
        flushIsDue = true
        loop.flushLater(self)
    }

    func deliver(_ bytes: RawSpan, on loop: isolated EventLoop) {
        if phase == .open { handler?.received(bytes, from: self, on: loop) }
    }

    func deliverEnd(on loop: isolated EventLoop) {
        if phase == .open { handler?.inputEnded(self, on: loop) }
    }

    /// Closes after what the filter has still to say.
    func closeBroken(on loop: isolated EventLoop) {
        if phase == .open { close(on: loop) } else { flushEncoded(on: loop) }
    }

    func setNetworkReceiving(_ enabled: Bool, on loop: isolated EventLoop) {
        guard hasStarted, !inputHasEnded else { return }
        loop.driver.setReceiving(enabled, on: descriptor, token: token)
    }
}
