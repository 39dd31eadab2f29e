internal import Bytes
internal import HTTPWire
internal import Reactor

/// One client's connection: reads requests, has each answered before it begins the next.
///
/// Requests that a client pipelines are answered one after the other, since an unsafe one must see
/// the effect of those before it; what has come of later ones waits, bounded, in `held`.
final class HTTPConnection: ChannelHandler {
    enum Phase {
        /// Between requests or inside one.
        case reading
        /// A request is complete and its answer is not.
        case answering
        /// A request has been answered before its body had come, of which the rest is thrown away.
        case discarding
        /// No further request is read; what is queued is written and the channel closed.
        case closing
        /// The channel is closed.
        case closed
    }

    let core: ServerCore
    let loop: EventLoop
    let channel: Channel
    // Each access to these is a load or a store, so that the compiler can prove that no two
    // overlap; what is changed in place lies in objects of its own.
    var phase = Phase.reading
    var isPaused = false
    var isProcessing = false
    var inputHasEnded = false
    /// The answer that is being given is the last one, whatever the client wants.
    var streamEndsConnection = false
    /// There is input behind the request that is being answered.
    private(set) var moreHasCome = false
    /// The deadline is about the request that is being received.
    private var headIsTimed = false
    /// The body of the request that is being received goes to the handler as it comes.
    private var isStreamed = false
    /// The request that is being received; `nil` between requests and while one is answered.
    var receiving: HTTPExchange?
    /// Where it stands; also while a body is handed on or thrown away.
    var reading: RequestReading?
    /// Input that nobody has looked at yet, never empty.
    var held: HeldBytes?
    /// The body that a handler takes while it comes.
    var upload: Upload?
    /// The place in the core's list.
    var index: Int?
    /// When the client has kept us waiting for too long; `nil` while it waits for us.
    var deadline: Instant?
    var timer: Timer?
    var timerIsDue = Instant(nanoseconds: 0)
    /// When the client has left an answer unread for too long; `nil` while it keeps up.
    var outputDeadline: Instant?
    /// What was handed to the channel in all, and how much of it the client had taken when somebody
    /// last looked.
    var offeredBytes = 0
    var takenBytes = 0
    /// What is missing of a streamed answer whose length was announced.
    var streamLeft: Int?
    var onDisconnect: (() -> Void)?
    var onWritable: (() -> Void)?
    private var knownPeer: Peer?

    init(_ channel: Channel, core: ServerCore, on loop: isolated EventLoop) {
        self.channel = channel
        self.core = core
        self.loop = loop
        core.add(self)
        setDeadline(core.idleNanoseconds, on: loop)
    }

    /// The other end. Found out when somebody asks for a request.
    var peer: Peer {
        if let knownPeer { return knownPeer }
        let peer = Peer(channel.remoteAddress, isProxy: core.options.isBehindProxy)
        knownPeer = peer
        return peer
    }

    /// Whether an answer would be for nobody.
    var isGone: Bool { inputHasEnded || phase == .closed }

    // MARK: ChannelHandler

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        guard isOpen else { return }
        let consumed = held == nil ? process(bytes, on: loop) : 0
        guard isOpen else { return }
        if consumed < bytes.byteCount { hold(bytes.extracting(consumed..<bytes.byteCount)) }
        if held != nil || upload != nil { pauseIfNeeded(on: loop) }
    }

    private func hold(_ bytes: RawSpan) {
        let held = held ?? HeldBytes()
        self.held = held
        held.queue.append(bytes)
    }

    private var heldCount: Int { held?.queue.count ?? 0 }

    func inputEnded(_ channel: Channel, on loop: isolated EventLoop) {
        inputHasEnded = true
        switch phase {
        case .reading where held == nil: close(on: loop)
        case .discarding where held == nil: close(on: loop)
        // It has read the last answer and hung up.
        case .closing where channel.pendingBytes == 0: channel.close(lingering: false, on: loop)
        case .reading, .discarding, .closing, .closed: break
        case .answering:
            if upload == nil { onDisconnect.take()?() }
            // What is held may be all that is missing of the body.
            if let upload, held == nil { abandon(upload, on: loop) }
        }
    }

    func writabilityChanged(_ channel: Channel, on loop: isolated EventLoop) {
        guard phase != .closing else { return }
        guard channel.isWritable else { return watchOutput(on: loop) }
        outputDeadline = nil
        if phase == .answering { onWritable?() } else { processHeld(on: loop) }
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        phase = .closed
        receiving = nil
        reading = nil
        held = nil
        onWritable = nil
        if let timer = timer.take() { loop.cancel(timer) }
        core.remove(self)
        if let upload = upload.take() { letGo(of: upload, .disconnected) }
        onDisconnect.take()?()
    }

    // MARK: Input

    private var isOpen: Bool { phase == .reading || phase == .answering || phase == .discarding }

    /// Whether input can be made use of now.
    private var canProcess: Bool {
        switch phase {
        // A client that does not read its answers gets no more of them.
        case .reading: channel.isWritable
        case .answering, .discarding: upload?.isPaused == false
        case .closing, .closed: false
        }
    }

    /// Has the peer slowed down when more has come than can be made use of.
    func pauseIfNeeded(on loop: isolated EventLoop) {
        guard !isPaused else { return }
        guard heldCount > core.options.pipelinedBytesMax || upload?.isPaused == true else {
            return
        }
        isPaused = true
        channel.pauseReading(on: loop)
    }

    /// Looks at input that was held back. Called whenever what held it back may have ended.
    func processHeld(on loop: isolated EventLoop) {
        guard !isProcessing, canProcess else { return }
        // A body that was paused at its last byte has its end still to come.
        if let input = held.take() {
            // Taken out while it is read: nothing can be added to it meanwhile.
            let consumed = process(input.queue.readable, on: loop)
            guard isOpen else { return }
            input.queue.consume(consumed)
            if !input.queue.isEmpty { held = input }
        } else if upload != nil {
            _ = process(RawSpan(), on: loop)
            guard isOpen else { return }
        }
        if isPaused, heldCount <= core.options.pipelinedBytesMax, upload?.isPaused != true {
            isPaused = false
            channel.resumeReading(on: loop)
        }
        guard inputHasEnded, canProcess else { return }
        // The client has nothing more to say, and everything it said has been answered.
        if let upload, phase == .answering { abandon(upload, on: loop) } else { close(on: loop) }
    }

    /// Reads requests until the input ends or a request has to be answered first. Returns how much
    /// was taken.
    private func process(_ bytes: RawSpan, on loop: isolated EventLoop) -> Int {
        isProcessing = true
        let now = loop.now
        var offset = 0
        while true {
            if phase == .reading, receiving == nil {
                // A client that does not read its answers gets no more of them.
                guard offset < bytes.byteCount, channel.isWritable else { break }
                if core.read(bytes, from: offset) {
                    offset = serveFound(bytes, at: offset, now: now, on: loop)
                    continue
                }
            }
            guard phase == .reading || upload != nil else { break }
            guard step(bytes, at: &offset, on: loop) else { break }
        }
        isProcessing = false
        moreHasCome = false
        // Once for all that were answered on the way.
        if deadline == nil, phase == .reading { setDeadline(core.idleNanoseconds, on: loop) }
        return offset
    }

    /// Has the request answered that the core has just found at `start`; returns the offset behind it.
    @inline(__always)
    private func serveFound(
        _ bytes: RawSpan, at start: Int, now: Instant, on loop: isolated EventLoop
    ) -> Int {
        let end = start &+ core.foundCount
        let head = bytes.extracting(start..<end)
        let exchange = core.takeExchange()
        exchange.begin(self, head, keepAlive: core.foundKeepAlive, started: now)
        moreHasCome = end < bytes.byteCount
        phase = .answering
        deadline = nil
        core.lend(to: Unmanaged.passUnretained(exchange))
        let path = head.extracting(UsualRequest.targetStart..<core.foundPathEnd)
        if let route = core.plainRoute(path) {
            exchange.served = route
            route.use { $0.serve(exchange, on: loop) }
        } else {
            serveByTree(exchange, on: loop)
        }
        core.lend(to: nil)
        core.settle(exchange)
        return end
    }

    private func serveByTree(_ exchange: HTTPExchange, on loop: isolated EventLoop) {
        exchange.copyRequest()
        decide(on: exchange)
        if let refusal = exchange.refusal {
            exchange.respond(refusal, on: loop)
        } else if let route = exchange.route {
            route.serve(exchange, on: loop)
        }
    }

    private func decide(on exchange: HTTPExchange) {
        switch core.decide(on: &exchange.stored) {
        case .route(let route): exchange.served = Unmanaged.passUnretained(route)
        case .refusal(let response): exchange.refusal = response
        }
    }

    /// Takes a step in a request that is not served at once; returns whether another one may be taken.
    private func step(
        _ bytes: RawSpan, at offset: inout Int, on loop: isolated EventLoop
    ) -> Bool {
        do throws(HTTPError) {
            return try phase == .reading
                ? processRequest(bytes, at: &offset, on: loop)
                : processUpload(bytes, at: &offset, on: loop)
        } catch {
            if let upload { refuse(upload, error, on: loop) } else { refuse(error, on: loop) }
            return true
        }
    }

    /// Takes a step in a request; returns whether another one may be taken.
    private func processRequest(
        _ bytes: RawSpan, at offset: inout Int, on loop: isolated EventLoop
    ) throws(HTTPError) -> Bool {
        switch try advance(bytes, at: &offset, on: loop) {
        case .needMore: return false
        case .body: break
        case .head: if isStreamed { beginUpload(offset < bytes.byteCount, on: loop) }
        case .end:
            moreHasCome = offset < bytes.byteCount
            complete(on: loop)
        }
        return true
    }

    /// Takes a step in a body that is handed on; returns whether another one may be taken.
    private func processUpload(
        _ bytes: RawSpan, at offset: inout Int, on loop: isolated EventLoop
    ) throws(HTTPError) -> Bool {
        guard isOpen, let upload, !upload.isPaused else { return false }
        moreHasCome = offset < bytes.byteCount
        return try advance(upload, bytes, at: &offset, on: loop) != .needMore
    }

    /// Goes on to the parser's next event. Holds no reference to the exchange when it returns, lest
    /// that look as if somebody had kept it.
    private func advance(
        _ bytes: RawSpan, at offset: inout Int, on loop: isolated EventLoop
    ) throws(HTTPError) -> RequestParser.Event {
        let exchange = receiving ?? begin(on: loop)
        let reading = reading ?? core.takeReading()
        self.reading = reading
        let event = try reading.parser.next(bytes, at: &offset, into: &exchange.stored.head)
        switch event {
        case .needMore: if !headIsTimed { headIsLate(on: loop) }
        case .head: headArrived(exchange, offset < bytes.byteCount, on: loop)
        case .body(let range): bodyArrived(bytes.extracting(range), exchange, on: loop)
        case .end: endReading()
        }
        return event
    }

    /// The request that was being read is complete.
    func endReading() {
        if let reading = reading.take() { core.giveBack(reading) }
    }

    private func begin(on loop: isolated EventLoop) -> HTTPExchange {
        let exchange = core.takeExchange()
        exchange.begin(self, started: loop.now)
        headIsTimed = false
        isStreamed = false
        receiving = exchange
        return exchange
    }

    /// The first bytes of a head have come, and not all of it.
    private func headIsLate(on loop: isolated EventLoop) {
        headIsTimed = true
        setDeadline(core.headerNanoseconds, on: loop)
    }

    private func headArrived(
        _ exchange: HTTPExchange, _ moreHasCome: Bool, on loop: isolated EventLoop
    ) {
        headIsTimed = true
        let framing = exchange.stored.head.framing
        let expectsContinue = exchange.stored.head.expectsContinue
        decide(on: exchange)
        guard framing != .none else { return }
        // The client may leave within the body, and then nobody could tell where it was.
        exchange.stored.peer = peer
        let bodyBytesMax =
            exchange.route.map { $0.shape.bodyBytesMax ?? core.options.bodyBytesMax }
            ?? core.options.discardedBodyBytesMax
        let bytesMax = UInt64(max(0, bodyBytesMax))
        reading?.parser.bodyBytesMax = bytesMax
        // The parser refuses it at its next step.
        if case .length(let length) = framing, length > bytesMax { return }
        isStreamed = exchange.route?.shape.isStreaming ?? false
        if isStreamed { return }
        setDeadline(core.bodyNanoseconds, on: loop)
        if exchange.refusal != nil {
            // Why have a body sent that nobody wants?
            if expectsContinue { refuse(nil, on: loop) }
            return
        }
        if case .length(let length) = framing {
            exchange.stored.body.reserveCapacity(Int(min(length, 64 * 1024)))
        }
        if expectsContinue, !moreHasCome {
            channel.write(Self.continueLine, on: loop)
            offeredBytes &+= Self.continueLine.count
        }
    }

    private func bodyArrived(
        _ bytes: RawSpan, _ exchange: HTTPExchange, on loop: isolated EventLoop
    ) {
        if let deadline {
            let earned = UInt64(bytes.byteCount) &* core.nanosecondsPerBodyByte
            self.deadline = Instant(nanoseconds: deadline.nanoseconds &+ earned)
        }
        guard exchange.refusal == nil else { return }
        bytes.withUnsafeBytes { exchange.stored.body.append(contentsOf: $0) }
    }

    /// The request is complete: have it answered.
    private func complete(on loop: isolated EventLoop) {
        guard let exchange = receiving.take() else { return }
        phase = .answering
        deadline = nil
        if let refusal = exchange.refusal {
            exchange.respond(refusal, on: loop)
        } else if let route = exchange.route {
            route.serve(exchange, on: loop)
        }
        core.settle(exchange)
    }

    /// Answers a request that cannot be read to its end, and closes.
    func refuse(_ error: HTTPError?, on loop: isolated EventLoop) {
        guard let exchange = receiving.take() else { return }
        phase = .answering
        deadline = nil
        exchange.stored.head.forbidKeepAlive()
        if let refusal = exchange.refusal {
            exchange.respond(refusal, on: loop)
        } else if let error {
            exchange.respond(throwing: error, on: loop)
        }
    }

    static let continueLine = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
}
