internal import Glibc
internal import Reactor

extension SimulatedDriver {
    // MARK: Connecting

    func connect(
        _ descriptor: Int32, to address: SocketAddress, token: Token
    ) throws(SystemError) {
        let due = nanoseconds + latency()
        sockets[descriptor]?.token = token
        if faults.blackHoles.contains(address) { return }
        if random.happens(faults.failedConnections) {
            let codes: [Int32] = [0, ECONNREFUSED, ENETUNREACH]
            let code = codes.randomElement(using: &random) ?? 0
            if code != 0 { sockets[descriptor]?.outcome = (code, due) }
            return
        }
        guard let listener = listener(at: address) else {
            sockets[descriptor]?.outcome = (ECONNREFUSED, due)
            return
        }
        let accepted = try add(SimulatedSocket(role: .stream, peer: descriptor))
        sockets[descriptor]?.role = .stream
        sockets[descriptor]?.peer = accepted
        sockets[descriptor]?.outcome = (0, due)
        sockets[listener]?.waiting.append((accepted, due + latency()))
    }

    // MARK: Sending

    func send(
        _ vector: UnsafeBufferPointer<iovec>, on descriptor: Int32, token: Token
    ) -> SendOutcome {
        guard let socket = sockets[descriptor], !socket.outputHasEnded, !socket.resetWasTold else {
            return .failed(EPIPE)
        }
        let offered = vector.reduce(0) { $0 + $1.iov_len }
        guard offered > 0 else { return .sent(0) }
        if socket.isBroken { return .sent(offered) }
        if random.happens(faults.resets) {
            breakConnection(of: descriptor)
            return .sent(offered)
        }
        if let code = shortage() { return .failed(code) }
        if room(beyond: descriptor) == 0 || random.happens(faults.blockedWrites) {
            sockets[descriptor]?.isBlocked = true
            return .blocked
        }
        if random.happens(faults.lateWrites) {
            let due = nanoseconds + latency()
            sockets[descriptor]?.late = SimulatedSocket.LateSend(vector: Array(vector), due: due)
            return .inFlight
        }
        return .sent(transmit(Array(vector), from: descriptor))
    }

    /// Files are copied here.
    func sendFile(
        _ file: Int32, from offset: Int64, count: Int, on descriptor: Int32, token: Token
    ) -> SendOutcome { .failed(ENOSYS) }

    /// What the kernel says for want of memory, if this is such a moment.
    func shortage() -> Int32? {
        random.happens(faults.shortage) ? [ENOBUFS, ENOMEM].randomElement(using: &random) : nil
    }

    /// How many bytes may still get under way.
    func room(beyond descriptor: Int32) -> Int {
        guard let peer = sockets[descriptor]?.peer, let other = sockets[peer] else { return .max }
        return max(0, faults.window - other.incoming.count)
    }

    /// Moves bytes on their way, perhaps not all, and returns how many.
    func transmit(_ vector: [iovec], from descriptor: Int32) -> Int {
        var bytes: [UInt8] = []
        let room = room(beyond: descriptor)
        for piece in vector where bytes.count < room {
            let part = UnsafeRawBufferPointer(start: piece.iov_base, count: piece.iov_len)
            bytes += part.prefix(room - bytes.count)
        }
        if random.happens(faults.shortWrites), bytes.count > 1 {
            bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
        }
        if sockets[descriptor]?.isBroken == true { return bytes.count }
        let due = nanoseconds + latency()
        if let peer = sockets[descriptor]?.peer {
            sockets[peer]?.incoming.append(bytes, due: due)
        } else {
            // Nobody is there any more, which the network says with a reset.
            sockets[descriptor]?.incoming.resetIsDue = due
        }
        return bytes.count
    }

    private func breakConnection(of descriptor: Int32) {
        let due = nanoseconds + latency()
        sockets[descriptor]?.isBroken = true
        sockets[descriptor]?.incoming.resetIsDue = due
        if let peer = sockets[descriptor]?.peer { sockets[peer]?.incoming.resetIsDue = due }
    }

    // MARK: Ending

    func shutdownOutput(_ descriptor: Int32) {
        guard let socket = sockets[descriptor], !socket.outputHasEnded else { return }
        sockets[descriptor]?.outputHasEnded = true
        guard let peer = socket.peer else { return }
        let due = nanoseconds + latency()
        sockets[peer]?.incoming.end(due: due)
    }

    func forget(_ descriptor: Int32, token: Token) {
        forgetWatch(token)
        guard let socket = sockets[descriptor] else { return }
        refuseWaiting(at: descriptor)
        if socket.late != nil {
            orphaned.append(Completion(token: token, event: .sendFailed(ECANCELED)))
        }
        // Unread input makes a close a reset, as with TCP.
        hangUp(descriptor, reset: socket.resetsOnClose || socket.incoming.count > 0)
    }

    func shed(_ listener: Int32, reserve: inout Int32) -> Int { refuseWaiting(at: listener) }

    @discardableResult
    private func refuseWaiting(at listener: Int32) -> Int {
        let waiting = sockets[listener]?.waiting ?? []
        sockets[listener]?.waiting = []
        for connection in waiting {
            hangUp(connection.descriptor, reset: true)
            close(connection.descriptor)
        }
        return waiting.count
    }

    private func hangUp(_ descriptor: Int32, reset: Bool) {
        guard let socket = sockets.removeValue(forKey: descriptor) else { return }
        order.removeAll { $0 == descriptor }
        guard let peer = socket.peer else { return }
        let due = nanoseconds + latency()
        sockets[peer]?.peer = nil
        if reset {
            sockets[peer]?.incoming.resetIsDue = due
        } else if !socket.outputHasEnded {
            sockets[peer]?.incoming.end(due: due)
        }
    }
}
