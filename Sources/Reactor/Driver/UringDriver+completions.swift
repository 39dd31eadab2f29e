internal import Bytes
internal import CReactor
internal import Glibc

/// What arrived for a stream while it was paused.
final class HeldInput {
    var bytes = ByteQueue()
    var hasEnded = false
}

extension UringDriver {
    func next() -> Completion? {
        recycle()
        // First what came first.
        if !core.value.released.isEmpty, let completion = nextHeld() { return completion }
        while core.value.remaining > 0, let completion = ring.take() {
            core.value.remaining -= 1
            guard let request = Request(rawValue: completion.user_data >> 60), request != .none
            else { continue }
            let token = Token(packed: completion.user_data)
            let more = creactor_uring_has_more(completion.flags)
            if !more { core.value.requestsUnderWay -= 1 }
            let event =
                switch request {
                case .none: nil as Completion.Event?
                case .receive: received(token, completion)
                case .send: sent(token, completion.result)
                case .accept: accepted(token, completion.result, more)
                case .connect: connected(token, completion.result)
                case .poll: polled(token, completion.result)
                case .errors: failed(token, completion.result, more)
                case .room: roomFound(token)
                }
            if let event { return Completion(token: token, event: event) }
        }
        return nil
    }

    /// Takes back what the last completion lent.
    func recycle() {
        if let buffer = core.value.lentBuffer.take() { ring.recycle(buffer) }
        core.value.lentInput = nil
    }

    // MARK: Receiving

    private func received(
        _ token: Token, _ completion: creactor_uring_completion
    ) -> Completion.Event? {
        let slot = Int(token.slot)
        let bytes = take(completion)
        guard isCurrent(token) else {
            recycle()
            return nil
        }
        if !creactor_uring_has_more(completion.flags) {
            // Out of buffers: who has had one must not be the first to have the next as well.
            let isFed = completion.result == -ENOBUFS && slots[slot].state.contains(.fed)
            ended(token, late: isFed)
        }
        let delivers = slots[slot].interest != 0 && !slots[slot].state.contains(.held)
        if let bytes {
            slots[slot].state.insert(.fed)
            if delivers { return .received(bytes) }
            hold(token) { $0.bytes.append(RawSpan(_unsafeBytes: bytes)) }
            recycle()
            return nil
        }
        recycle()
        switch -completion.result {
        case 0:
            slots[slot].state.insert(.inputEnded)
            if delivers { return .endOfInput }
            hold(token) { $0.hasEnded = true }
            return nil
        case ENOBUFS:
            // Armed again before the loop sleeps, with the buffers that were given back.
            core.value.starvedCount += 1
            return nil
        case ECANCELED, EINTR, EAGAIN:
            // Armed again if that is still wanted.
            return nil
        case let code: return receiveFailed(token, code)
        }
    }

    /// The bytes that a completion brought. If that has filled a buffer, it goes back to the kernel
    /// with the next ``recycle()``.
    @inline(__always)
    private func take(_ completion: creactor_uring_completion) -> UnsafeRawBufferPointer? {
        guard creactor_uring_has_buffer(completion.flags) else { return nil }
        if !creactor_uring_keeps_buffer(completion.flags) {
            core.value.lentBuffer = creactor_uring_buffer_index(completion.flags)
        }
        return completion.result > 0 ? ring.filled(completion) : nil
    }

    private func receiveFailed(_ token: Token, _ code: Int32) -> Completion.Event {
        let slot = Int(token.slot)
        slots[slot].state.insert([.inputEnded, .errorsEnded])
        if slots[slot].state.contains(.held) {
            slots[slot].state.remove(.held)
            core.value.held[token.slot] = nil
        }
        return .receiveFailed(code)
    }

    private func hold(_ token: Token, _ body: (HeldInput) -> Void) {
        let input = core.value.held[token.slot] ?? HeldInput()
        core.value.held[token.slot] = input
        slots[Int(token.slot)].state.insert(.held)
        body(input)
        change(token)
    }

    private func nextHeld() -> Completion? {
        while let token = core.value.released.first {
            let slot = Int(token.slot)
            guard isCurrent(token), slots[slot].interest != 0,
                let input = core.value.held[token.slot]
            else {
                core.value.released.removeFirst()
                continue
            }
            if !input.bytes.isEmpty, input.hasEnded {
                // The end follows with the next call, unless the stream is paused before.
                let end = HeldInput()
                end.hasEnded = true
                core.value.held[token.slot] = end
            } else {
                core.value.released.removeFirst()
                core.value.held[token.slot] = nil
                slots[slot].state.remove(.held)
            }
            guard !input.bytes.isEmpty else { return Completion(token: token, event: .endOfInput) }
            core.value.lentInput = input
            // The queue is not changed any more, so its memory stays where it is.
            let bytes = input.bytes.readable.withUnsafeBytes { $0 }
            return Completion(token: token, event: .received(bytes))
        }
        return nil
    }

    private func failed(_ token: Token, _ result: Int32, _ more: Bool) -> Completion.Event? {
        guard isCurrent(token) else { return nil }
        let slot = Int(token.slot)
        if !more {
            slots[slot].state.remove(.errors)
            change(token)
        }
        // Where something receives, that tells the error, after the bytes before it. A FIN, which
        // completes this poll too, is told when the stream is resumed.
        let receives = slots[slot].interest != 0 && !slots[slot].state.contains(.inputEnded)
        guard !receives, !slots[slot].state.contains(.errorsEnded) else { return nil }
        guard result > 0, result & Int32(POLLERR) != 0 else { return nil }
        let code = creactor_socket_error(slots[slot].descriptor)
        return receiveFailed(token, code == 0 ? ECONNRESET : code)
    }

    // MARK: The rest

    /// The role's own request is no longer with the kernel.
    private func ended(_ token: Token, late: Bool = false) {
        slots[Int(token.slot)].state.subtract([.active, .cancelling])
        change(token, late: late)
    }

    /// Told even when nobody is left to know: the loop keeps the bytes until then.
    private func sent(_ token: Token, _ result: Int32) -> Completion.Event {
        if isCurrent(token) { slots[Int(token.slot)].state.remove(.sending) }
        switch result {
        case 0...: return .sent(Int(result))
        case -EINTR, -EAGAIN: return .sent(0)
        default: return .sendFailed(-result)
        }
    }

    private func accepted(_ token: Token, _ result: Int32, _ more: Bool) -> Completion.Event? {
        if !more, isCurrent(token) { ended(token) }
        switch -result {
        case ...0: return .accepted(result)
        case ECANCELED, EINTR, EAGAIN, ECONNABORTED, EPROTO, ENETDOWN, EHOSTDOWN, ENONET,
            EHOSTUNREACH, ENETUNREACH:
            // Errors of one connection that died in the backlog: accept(2), "Error handling".
            return nil
        case let code: return isCurrent(token) ? .acceptFailed(code) : nil
        }
    }

    private func connected(_ token: Token, _ result: Int32) -> Completion.Event? {
        guard isCurrent(token) else { return nil }
        slots[Int(token.slot)].state.remove(.active)
        return .connected(-min(result, 0))
    }

    /// Errors show at the next try to send.
    private func roomFound(_ token: Token) -> Completion.Event? {
        guard isCurrent(token) else { return nil }
        core.value.waitingForRoom.remove(token.slot)
        return .writable
    }

    private func polled(_ token: Token, _ result: Int32) -> Completion.Event? {
        guard isCurrent(token) else { return nil }
        // Level-triggered: armed again before the loop sleeps, after the owner has acted.
        ended(token)
        let interest = Int32(bitPattern: slots[Int(token.slot)].interest)
        guard result > 0, interest != 0 else {
            if result < 0, result != -ECANCELED { slots[Int(token.slot)].interest = 0 }
            return nil
        }
        let broken = result & Int32(POLLERR | POLLHUP) != 0
        var ready: Readiness = []
        if broken || result & interest & Int32(POLLIN) != 0 { ready.insert(.readable) }
        if broken || result & interest & Int32(POLLOUT) != 0 { ready.insert(.writable) }
        return ready.isEmpty ? nil : .ready(ready)
    }
}
