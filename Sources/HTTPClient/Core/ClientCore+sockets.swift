internal import CCurl
internal import Glibc
internal import Reactor

/// A socket of libcurl's, on the loop.
struct SocketEntry {
    var watch: Watch?
    /// What libcurl waits for.
    var wanted: Readiness = []
    /// What the watch waits for.
    var armed: Readiness = []
    /// A connection was made with it, so that ``ClientCore`` is told before it closes.
    var isKept = false
}

extension ClientCore {
    /// libcurl says what it waits for on a socket. `false`: it cannot be watched.
    ///
    /// A kept connection wants nothing between two requests. Taking its socket off the loop and
    /// putting it on again would cost two system calls a request; since we are told when such a
    /// socket closes, its watch stays, and is paused only if the socket becomes readable meanwhile.
    /// A socket that is still connecting is closed without a word before libcurl is done with it.
    func update(_ socket: Int32, _ what: Int32, on loop: isolated EventLoop) -> Bool {
        var entry = sockets[socket] ?? SocketEntry()
        if what == CURL_POLL_REMOVE, !entry.isKept {
            entry.watch.map { loop.cancel($0) }
            sockets[socket] = nil
            return true
        }
        switch what {
        case CURL_POLL_IN: entry.wanted = .readable
        case CURL_POLL_OUT: entry.wanted = .writable
        case CURL_POLL_INOUT: entry.wanted = [.readable, .writable]
        default: entry.wanted = []
        }
        defer { sockets[socket] = entry }
        guard let watch = entry.watch else {
            guard !entry.wanted.isEmpty else { return true }
            do throws(SystemError) {
                entry.watch = try loop.watch(socket, for: entry.wanted) { [weak self] readiness in
                    self?.ready(socket, readiness, on: loop)
                }
            } catch {
                return false
            }
            entry.armed = entry.wanted
            return true
        }
        let armed: Readiness = entry.wanted.isEmpty ? .readable : entry.wanted
        // What was paused in between stays so until it is wanted again.
        if entry.wanted.isEmpty, entry.armed.isEmpty { return true }
        if entry.armed != armed {
            loop.update(watch, for: armed)
            entry.armed = armed
        }
        return true
    }

    private func ready(_ socket: Int32, _ readiness: Readiness, on loop: isolated EventLoop) {
        guard let raw, let entry = sockets[socket], let watch = entry.watch else { return }
        guard !entry.wanted.isEmpty else {
            loop.update(watch, for: [])
            sockets[socket]?.armed = []
            return
        }
        var what: Int32 = 0
        if readiness.contains(.readable) { what |= CURL_CSELECT_IN }
        if readiness.contains(.writable) { what |= CURL_CSELECT_OUT }
        var count: Int32 = 0
        curl_multi_socket_action(raw, socket, what, &count)
        pump(on: loop)
    }

    /// Opens a socket to `address` if the policy allows; -1 if not.
    func open(_ address: UnsafePointer<curl_sockaddr>, for transfer: HTTPTransfer) -> Int32 {
        // The address goes on behind the structure, as far as its length says: a copy of the field
        // would cut it off.
        let offset = MemoryLayout<curl_sockaddr>.offset(of: \.addr) ?? 16
        let target = IPAddress(
            UnsafeRawPointer(address) + offset, length: Int(address.pointee.addrlen))
        // A proxy's address was chosen by the operator, not by whoever wrote a URL.
        if !transfer.request.isProxied {
            guard let target, options.addresses.allows(target) else {
                transfer.refusedAddress = target
                return CURL_SOCKET_BAD
            }
        }
        let flags = Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(
            address.pointee.family, address.pointee.socktype | flags, address.pointee.protocol)
        guard descriptor >= 0 else {
            transfer.socketError = errno
            return CURL_SOCKET_BAD
        }
        transfer.hasOpenedSocket = true
        return descriptor
    }

    /// Remembers the socket of a transfer that is complete, if its connection is kept.
    func keepSocket(of easy: CurlEasy) {
        var socket = CURL_SOCKET_BAD
        guard ccurl_get_socket(easy.raw, &socket) == CURLE_OK, socket != CURL_SOCKET_BAD else {
            return
        }
        sockets[socket, default: SocketEntry()].isKept = true
    }

    func close(_ socket: Int32, on loop: isolated EventLoop) -> Int32 {
        if let entry = sockets.removeValue(forKey: socket) {
            entry.watch.map { loop.cancel($0) }
        }
        return Glibc.close(socket)
    }

    // MARK: libcurl's timer

    /// libcurl wants to be called after `milliseconds`; -1: not at all.
    ///
    /// It changes its mind several times a request, nearly always to something later than the timer
    /// that is armed already: that one fires early then, and is armed anew.
    func setTimer(_ milliseconds: Int, on loop: isolated EventLoop) {
        timerIsDue = milliseconds == 0
        guard milliseconds > 0 else {
            timerDeadline = nil
            return
        }
        let deadline = loop.now + .milliseconds(milliseconds)
        timerDeadline = deadline
        if let timer {
            if timer.deadline <= deadline { return }
            loop.cancel(timer.timer)
        }
        armTimer(deadline, on: loop)
    }

    private func armTimer(_ deadline: Instant, on loop: isolated EventLoop) {
        let armed = loop.schedule(after: deadline - loop.now) { [weak self] in
            guard let self else { return }
            self.timer = nil
            guard let deadline = self.timerDeadline else { return }
            if loop.now < deadline { return self.armTimer(deadline, on: loop) }
            self.timerDeadline = nil
            self.timerIsDue = true
            self.pump(on: loop)
        }
        timer = (armed, deadline)
    }
}
