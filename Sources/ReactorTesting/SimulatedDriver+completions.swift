internal import Glibc
internal import Reactor

extension SimulatedDriver {
    /// When the loop next has something to hear of a socket.
    func due(_ descriptor: Int32) -> UInt64? {
        guard let socket = sockets[descriptor], socket.token != nil else { return nil }
        if case .listener = socket.role {
            return socket.isEnabled ? socket.waiting.first?.due : nil
        }
        if let outcome = socket.outcome { return outcome.due }
        guard !socket.resetWasTold else { return socket.late?.due }
        let hasRoom = room(beyond: descriptor) > 0
        return [
            hasRoom ? socket.late?.due : nil,
            socket.isBlocked && hasRoom ? nanoseconds : nil,
            socket.incoming.resetIsDue,
            socket.isEnabled && !socket.endWasTold ? socket.incoming.firstDue : nil,
        ].compactMap { $0 }.min()
    }

    func next() -> Completion? {
        giveBack()
        if let completion = orphaned.popLast() { return completion }
        while let completion = readyWatches.popLast() {
            if isWatched(completion.token) { return completion }
        }
        while let descriptor = ready.popLast() {
            // Earlier completions of this round may have changed what there is to tell.
            guard let socket = sockets[descriptor], let token = socket.token,
                let due = due(descriptor), due <= nanoseconds
            else { continue }
            if let event = event(of: socket, descriptor) {
                return Completion(token: token, event: event)
            }
        }
        return nil
    }

    /// Frees what the last completion lent, so that a handler which kept it is found out.
    func giveBack() {
        lent?.deallocate()
        lent = nil
    }

    private func event(of socket: SimulatedSocket, _ descriptor: Int32) -> Completion.Event? {
        if case .listener = socket.role {
            if random.happens(faults.exhaustion) { return .acceptFailed(EMFILE) }
            if let code = shortage() { return .acceptFailed(code) }
            return sockets[descriptor]?.waiting.removeFirst().descriptor.asAccepted
        }
        if let outcome = socket.outcome {
            sockets[descriptor]?.outcome = nil
            return .connected(outcome.code)
        }
        let now = nanoseconds
        if let late = socket.late, late.due <= now, room(beyond: descriptor) > 0 {
            sockets[descriptor]?.late = nil
            if let code = shortage() { return .sendFailed(code) }
            return .sent(transmit(late.vector, from: descriptor))
        }
        if socket.isBlocked, room(beyond: descriptor) > 0 {
            sockets[descriptor]?.isBlocked = false
            return .writable
        }
        if !socket.resetWasTold, let reset = socket.incoming.resetIsDue, reset <= now {
            sockets[descriptor]?.resetWasTold = true
            return .receiveFailed(ECONNRESET)
        }
        return received(descriptor, now)
    }

    private func received(_ descriptor: Int32, _ now: UInt64) -> Completion.Event? {
        guard var socket = sockets[descriptor], socket.isEnabled, !socket.endWasTold else {
            return nil
        }
        var count = socket.incoming.available(at: now)
        guard count > 0 else {
            guard let end = socket.incoming.endIsDue, end <= now, socket.incoming.count == 0 else {
                return nil
            }
            sockets[descriptor]?.endWasTold = true
            return .endOfInput
        }
        if random.happens(faults.splitReads) { count = Int.random(in: 1...count, using: &random) }
        count = min(count, 65536)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        buffer.copyBytes(from: socket.incoming.take(count))
        sockets[descriptor] = socket
        lent = buffer
        return .received(UnsafeRawBufferPointer(buffer))
    }
}

extension Int32 {
    fileprivate var asAccepted: Completion.Event { .accepted(self) }
}
