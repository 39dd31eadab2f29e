internal import CCurl
internal import Reactor

/// What a client consists of: libcurl's multi handle, its sockets and timer on the loop, and the
/// transfers.
///
/// libcurl must not be called from its own callbacks, nor freed in them. So nothing that belongs to
/// somebody else runs inside libcurl: callbacks take notes, and ``pump(on:)`` tells of them once
/// libcurl has returned. It is the only place that calls handlers for what has come.
///
/// libcurl is given unretained pointers to the core and to transfers. Both are good whenever it uses
/// them: the core is held by whoever calls into libcurl, and lets the multi handle go before it can
/// be freed itself (``close(_:on:)``); a transfer is in ``running`` from before it is added to the
/// multi handle until after it was removed.
final class ClientCore {
    let options: HTTPClientOptions
    let loop: EventLoop
    /// Memory for what is just being decompressed.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
    let mails = MailRoom()
    private var multi: CurlMulti?

    /// By their easy handles.
    private var running: [UnsafeMutableRawPointer: HTTPTransfer] = [:]
    /// Those that are received and not yet consumed.
    private var received: [ObjectIdentifier: HTTPTransfer] = [:]
    private var waiting = WaitingLine()
    private var idleHandles: [CurlEasy] = []
    private var news: [HTTPTransfer] = []
    private var isPumping = false
    private var deliveryIsDue = false

    var sockets: [Int32: SocketEntry] = [:]
    /// libcurl's timer has run out.
    var timerIsDue = false
    var timerDeadline: Instant?
    var timer: (timer: Timer, deadline: Instant)?

    private var idleTimer: Timer?
    private var lastUse: Instant
    private(set) var isClosed = false
    /// Its client was let go; it closes when there is nothing left to do.
    private var isAbandoned = false
    private var stopObserver: StopObserver?

    private static let idleHandlesMax = 64

    init(_ options: HTTPClientOptions, on loop: isolated EventLoop) {
        self.options = options
        self.loop = loop
        lastUse = loop.now
        stopObserver = loop.onStop { [weak self] in self?.close(.stopped, on: loop) }
    }

    deinit { scratch.deallocate() }

    var runningCount: Int { running.count }
    var waitingCount: Int { waiting.count }

    /// libcurl's handle; `nil` while there are no connections.
    var raw: UnsafeMutableRawPointer? {
        if multi == nil { return nil }
        return multi?.raw
    }
    var sessions: UnsafeMutableRawPointer? {
        if multi == nil { return nil }
        return multi?.sessions
    }

    // MARK: Transfers

    /// Takes a transfer on; throws if there is no room for it.
    func begin(_ transfer: HTTPTransfer, on loop: isolated EventLoop) throws(HTTPClientError) {
        guard !isClosed, !isAbandoned, !loop.isStopped else { throw .closed }
        if running.count < options.transfersMax {
            do throws(HTTPClientError) {
                try launch(transfer, on: loop)
            } catch {
                transfer.sink = .none
                transfer.end(error, on: loop)
                throw error
            }
        } else {
            guard waiting.count < options.waitingMax else {
                throw HTTPClientError(
                    .overloaded, "\(options.waitingMax) requests are waiting already")
            }
            waiting.append(transfer)
        }
        transfer.armDeadline(on: loop)
    }

    /// Hands a transfer to libcurl.
    func launch(
        _ transfer: HTTPTransfer, on loop: isolated EventLoop
    ) throws(HTTPClientError) {
        lastUse = loop.now
        guard let raw = openMulti(), let easy = idleHandles.popLast() ?? CurlEasy() else {
            throw .outOfMemory
        }
        try transfer.configure(easy)
        let code = curl_multi_add_handle(raw, easy.raw)
        guard code == CURLM_OK else {
            throw HTTPClientError(.failed, String(cString: curl_multi_strerror(code)))
        }
        transfer.easy = easy
        transfer.phase = .running
        running[easy.raw] = transfer
        transfer.armIdleCheck(on: loop)
        if let upload = transfer.request.upload { transfer.request.startUpload.take()?(upload) }
        pump(on: loop, tells: false)
    }

    private func openMulti() -> UnsafeMutableRawPointer? {
        if let raw { return raw }
        guard let made = CurlMulti() else { return nil }
        let raw = made.raw
        CurlCallbacks.install(in: raw, for: self)
        _ = ccurl_multi_set_long(raw, CURLMOPT_MAX_HOST_CONNECTIONS, options.connectionsPerHostMax)
        _ = ccurl_multi_set_long(raw, CURLMOPT_MAX_TOTAL_CONNECTIONS, options.connectionsMax)
        _ = ccurl_multi_set_long(raw, CURLMOPT_MAXCONNECTS, options.idleConnectionsMax)
        _ = ccurl_multi_set_long(raw, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
        multi = consume made
        return raw
    }

    /// Takes a transfer back from libcurl, which closes its connection if it is not done.
    func recycle(_ transfer: HTTPTransfer) {
        guard let easy = transfer.easy.take() else { return }
        if running.removeValue(forKey: easy.raw) != nil, let raw {
            curl_multi_remove_handle(raw, easy.raw)
        }
        easy.reset()
        if idleHandles.count < Self.idleHandlesMax { idleHandles.append(easy) }
    }

    /// Holds on to a transfer whose response waits to be consumed.
    func keep(_ transfer: HTTPTransfer) { received[ObjectIdentifier(transfer)] = transfer }

    /// Forgets a transfer that ends.
    func remove(_ transfer: HTTPTransfer, on loop: isolated EventLoop) {
        if transfer.phase == .waiting { waiting.remove(transfer) }
        recycle(transfer)
        received[ObjectIdentifier(transfer)] = nil
        guard !isClosed else { return }
        while running.count < options.transfersMax, let next = waiting.popFirst() {
            do throws(HTTPClientError) {
                try launch(next, on: loop)
            } catch {
                next.end(error, on: loop)
            }
        }
        if running.isEmpty, received.isEmpty {
            if isAbandoned {
                // Whoever is told of this end is told first.
                loop.spawn { self.close(.closed, on: loop) }
            } else {
                armIdleTimer(on: loop)
            }
        } else if timerIsDue {
            pump(on: loop, tells: false)
        }
    }

    // MARK: Working

    /// Remembers, inside libcurl, that a transfer has something to tell.
    func noteFromCallback(_ transfer: HTTPTransfer) {
        guard !transfer.hasNews else { return }
        transfer.hasNews = true
        news.append(transfer)
    }

    /// Sees soon, and not from inside this call, to a transfer that has something to tell.
    func note(_ transfer: HTTPTransfer, on loop: isolated EventLoop) {
        guard transfer.phase != .ended, transfer.phase != .waiting else { return }
        noteFromCallback(transfer)
        deliverSoon(on: loop)
    }

    private func deliverSoon(on loop: isolated EventLoop) {
        guard !isPumping, !deliveryIsDue else { return }
        deliveryIsDue = true
        loop.spawn {
            self.deliveryIsDue = false
            self.pump(on: loop)
        }
    }

    /// Lets libcurl do what its timer asks for, takes what is complete from it, and tells of news.
    /// Not so inside calls of somebody else's (`tells`): these are told later.
    func pump(on loop: isolated EventLoop, tells: Bool = true) {
        guard !isPumping else { return }
        isPumping = true
        var hasCompleted = false
        // Bounded, lest transfers that always have more starve the loop.
        for _ in 0..<64 {
            runTimer(&hasCompleted)
            if tells { tellNews(on: loop) }
            if !timerIsDue, news.isEmpty || !tells { break }
        }
        isPumping = false
        if timerIsDue || !news.isEmpty || hasCompleted && !tells { deliverSoon(on: loop) }
    }

    private func runTimer(_ hasCompleted: inout Bool) {
        guard timerIsDue, let raw else { return }
        timerIsDue = false
        var count: Int32 = 0
        curl_multi_socket_action(raw, CURL_SOCKET_TIMEOUT, 0, &count)
        if count < running.count { hasCompleted = true }
    }

    private func tellNews(on loop: isolated EventLoop) {
        takeCompleted(on: loop)
        var told: [HTTPTransfer] = []
        swap(&told, &news)
        for transfer in told {
            transfer.hasNews = false
            transfer.deliver(on: loop)
        }
    }

    private func takeCompleted(on loop: isolated EventLoop) {
        var easy: UnsafeMutableRawPointer?
        var code = CURLE_OK
        while let raw, ccurl_multi_next_done(raw, &easy, &code) {
            guard let easy, let transfer = running[easy] else { continue }
            transfer.completed(code, on: loop)
        }
    }

    // MARK: Closing

    /// Closes connections that nothing has needed for long. libcurl itself looks at their age only
    /// when it is asked for another.
    private func armIdleTimer(on loop: isolated EventLoop) {
        guard idleTimer == nil, !isClosed else { return }
        idleTimer = loop.schedule(after: options.idleConnectionAge) { [weak self] in
            guard let self else { return }
            self.idleTimer = nil
            guard self.running.isEmpty else { return }
            if loop.now - self.lastUse >= self.options.idleConnectionAge {
                self.closeConnections(on: loop)
            } else {
                self.armIdleTimer(on: loop)
            }
        }
    }

    private func closeConnections(on loop: isolated EventLoop) {
        idleHandles = []
        // Its connections close while this object, which their callbacks use, is whole.
        do { _ = multi.take() }
        for entry in sockets.values { entry.watch.map { loop.cancel($0) } }
        sockets = [:]
        timer.take().map { loop.cancel($0.timer) }
        timerDeadline = nil
        timerIsDue = false
    }

    /// Ends every transfer with `reason`, and closes all connections.
    func close(_ reason: HTTPClientError, on loop: isolated EventLoop) {
        guard !isClosed else { return }
        isClosed = true
        stopObserver.take().map { loop.cancel($0) }
        idleTimer.take().map { loop.cancel($0) }
        let unfinished = Array(running.values) + Array(received.values) + waiting.all
        for transfer in unfinished { transfer.end(reason, on: loop) }
        mails.close(reason)
        closeConnections(on: loop)
        news = []
    }

    /// The client was let go: what is under way goes on, and then everything is closed.
    func abandon(on loop: isolated EventLoop) {
        isAbandoned = true
        if running.isEmpty, received.isEmpty { close(.closed, on: loop) }
    }
}
