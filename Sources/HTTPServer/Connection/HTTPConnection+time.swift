internal import Bytes
internal import HTTPWire
internal import Reactor

/// Time limits. Moving a deadline later, as every request does, touches no timer: the timer that is
/// armed looks at the deadline when it fires and arms itself again for what is left.
extension HTTPConnection {
    func setDeadline(_ nanoseconds: UInt64, on loop: isolated EventLoop) {
        let due = Instant(nanoseconds: loop.now.nanoseconds &+ nanoseconds)
        deadline = due
        wake(by: due, on: loop)
    }

    /// The client does not keep up: it has some time to take any of what waits for it.
    func watchOutput(on loop: isolated EventLoop) {
        guard outputDeadline == nil else { return }
        takenBytes = offeredBytes - channel.pendingBytes
        let due = Instant(nanoseconds: loop.now.nanoseconds &+ core.idleNanoseconds)
        outputDeadline = due
        wake(by: due, on: loop)
    }

    private func wake(by due: Instant, on loop: isolated EventLoop) {
        if timer != nil, due >= timerIsDue { return }
        timerIsDue = due
        let wait = due > loop.now ? due - loop.now : .zero
        if let timer, loop.reschedule(timer, after: wait) { return }
        timer = loop.schedule(after: wait) { self.timerFired(on: loop) }
    }

    private func timerFired(on loop: isolated EventLoop) {
        timer = nil
        if let due = deadline, due <= loop.now {
            deadline = nil
            inputIsLate(on: loop)
        }
        if let due = outputDeadline, due <= loop.now {
            outputDeadline = nil
            outputIsLate(on: loop)
        }
        guard phase != .closed else { return }
        if let due = deadline { wake(by: due, on: loop) }
        if let due = outputDeadline { wake(by: due, on: loop) }
    }

    private func inputIsLate(on loop: isolated EventLoop) {
        let late = HTTPError(.requestTimeout, "the request's body took too long")
        switch phase {
        case .reading:
            guard let exchange = receiving else { return idledTooLong(on: loop) }
            guard exchange.route == nil, exchange.refusal == nil else {
                return refuse(late, on: loop)
            }
            refuse(HTTPError(.requestTimeout, "the request's head took too long"), on: loop)
        case .answering:
            if let upload { refuse(upload, late, on: loop) }
        case .discarding: close(on: loop)
        case .closing where channel.pendingBytes == 0: channel.close(lingering: false, on: loop)
        // Nothing has been taken of the last answer for too long.
        case .closing: channel.abort(on: loop)
        case .closed: break
        }
    }

    private func idledTooLong(on loop: isolated EventLoop) {
        // Without a reset, whatever the kernel still holds of an answer arrives.
        if channel.pendingBytes == 0 { return close(lingering: false, on: loop) }
        // A long answer has a watch of its own.
        if outputDeadline == nil {
            guard offeredBytes - channel.pendingBytes > takenBytes else {
                return channel.abort(on: loop)
            }
            // Slow, but reading.
            takenBytes = offeredBytes - channel.pendingBytes
        }
        setDeadline(core.idleNanoseconds, on: loop)
    }

    private func outputIsLate(on loop: isolated EventLoop) {
        if phase == .closing { return goOnClosing(on: loop) }
        guard phase != .closed, !channel.isWritable else { return }
        guard offeredBytes - channel.pendingBytes > takenBytes else {
            return channel.abort(on: loop)
        }
        watchOutput(on: loop)
    }

    /// Closes once what is queued has been written.
    func close(lingering: Bool = true, on loop: isolated EventLoop) {
        guard phase != .closed, phase != .closing else { return }
        phase = .closing
        receiving = nil
        reading = nil
        held = nil
        deadline = nil
        outputDeadline = nil
        if let upload = upload.take() { letGo(of: upload, .answered) }
        guard channel.pendingBytes > Self.lingeringBytesMax else {
            if let timer = timer.take() { loop.cancel(timer) }
            return channel.close(lingering: lingering, on: loop)
        }
        channel.shutdownOutput(on: loop)
        takenBytes = 0
        goOnClosing(on: loop)
    }

    /// What a slow client can take in the few seconds that a closing channel has. A longer last
    /// answer is watched like any other: it may take long if only some of it is taken.
    private static let lingeringBytesMax = 16 * 1024

    private func goOnClosing(on loop: isolated EventLoop) {
        let taken = offeredBytes - channel.pendingBytes
        if taken > takenBytes || deadline == nil {
            takenBytes = taken
            setDeadline(core.idleNanoseconds, on: loop)
        }
        guard channel.pendingBytes > 0 else {
            // The kernel may hold much of it still, of which it tells nothing. That the client hangs
            // up says that all has arrived; if it does not, the deadline ends this.
            if inputHasEnded { channel.close(lingering: false, on: loop) }
            return
        }
        let due = Instant(nanoseconds: loop.now.nanoseconds &+ 1_000_000_000)
        outputDeadline = due
        wake(by: due, on: loop)
    }

    /// Closes unless a request is under way. Clients notice that an idle connection has ended when
    /// they want to use it again: there is no waiting for them.
    func closeIfIdle(on loop: isolated EventLoop) {
        if phase == .reading, receiving == nil, held == nil { close(lingering: false, on: loop) }
    }
}
