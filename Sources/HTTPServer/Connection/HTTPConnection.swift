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
    var phase = Phase.reading
    var parser: RequestParser
    /// The request that is being received; `nil` between requests and while one is answered.
    var receiving: HTTPExchange?
    /// Input that nobody has looked at yet.
    var held = ByteQueue()
    var isPaused = false
    var isProcessing = false
    var inputHasEnded = false
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
    /// The answer that is being given is the last one, whatever the client wants.
    var streamEndsConnection = false
    /// What is missing of a streamed answer whose length was announced.
    var streamLeft: Int?
    /// The body that a handler takes while it comes.
    var upload: Upload?
    /// There is input behind the request that is being answered.
    private(set) var moreHasCome = false
    /// The deadline is about the request that is being received.
    private var headIsTimed = false
    /// The body of the request that is being received goes to the handler as it comes.
    private var isStreamed = false
    var onDisconnect: (() -> Void)?
    var onWritable: (() -> Void)?
    private lazy var peer = Peer(
        channel.remoteAddress, isProxy: core.options.isBehindProxy)

    init(_ channel: Channel, core: ServerCore, on loop: isolated EventLoop) {
        self.channel = channel
        self.core = core
        self.loop = loop
        parser = RequestParser(limits: core.options.parser)
        core.add(self)
        setDeadline(core.idleNanoseconds, on: loop)
    }

    /// Whether an answer would be for nobody.
    var isGone: Bool { inputHasEnded || phase == .closed }

    // MARK: ChannelHandler

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        guard isOpen else { return }
        var consumed = 0
        if held.isEmpty { consumed = process(bytes, on: loop) }
        guard isOpen else { return }
        if consumed < bytes.byteCount { held.append(bytes.extracting(consumed..<bytes.byteCount)) }
        pauseIfNeeded(on: loop)
    }

    func inputEnded(_ channel: Channel, on loop: isolated EventLoop) {
        inputHasEnded = true
        switch phase {
        case .reading where held.isEmpty: close(on: loop)
        case .discarding where held.isEmpty: close(on: loop)
        // It has read the last answer and hung up.
        case .closing where channel.pendingBytes == 0: channel.close(lingering: false, on: loop)
        case .reading, .discarding, .closing, .closed: break
        case .answering:
            if upload == nil { onDisconnect.take()?() }
            // What is held may be all that is missing of the body.
            if let upload, held.isEmpty { abandon(upload, on: loop) }
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
        held = ByteQueue()
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
        guard held.count > core.options.pipelinedBytesMax || upload?.isPaused == true else {
            return
        }
        isPaused = true
        channel.pauseReading(on: loop)
    }

    /// Looks at input that was held back. Called whenever what held it back may have ended.
    func processHeld(on loop: isolated EventLoop) {
        guard !isProcessing, canProcess else { return }
        // A body that was paused at its last byte has its end still to come.
        if !held.isEmpty || upload != nil {
            // Taken out while it is read: nothing can be added to it meanwhile.
            var input = ByteQueue()
            swap(&input, &held)
            let consumed = process(input.readable, on: loop)
            guard isOpen else { return }
            input.consume(consumed)
            if !input.isEmpty { swap(&input, &held) }
        }
        if isPaused, held.count <= core.options.pipelinedBytesMax, upload?.isPaused != true {
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
        defer { isProcessing = false }
        var offset = 0
        while phase == .reading || upload != nil {
            do throws(HTTPError) {
                let goesOn =
                    try phase == .reading
                    ? processRequest(bytes, at: &offset, on: loop)
                    : processUpload(bytes, at: &offset, on: loop)
                guard goesOn else { break }
            } catch {
                if let upload { refuse(upload, error, on: loop) } else { refuse(error, on: loop) }
            }
        }
        moreHasCome = false
        return offset
    }

    /// Takes a step in a request; returns whether another one may be taken.
    private func processRequest(
        _ bytes: RawSpan, at offset: inout Int, on loop: isolated EventLoop
    ) throws(HTTPError) -> Bool {
        if receiving == nil {
            // A client that does not read its answers gets no more of them.
            guard offset < bytes.byteCount, channel.isWritable else { return false }
        }
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
        let event = try parser.next(bytes, at: &offset, into: &exchange.request.head)
        switch event {
        case .needMore: if !headIsTimed { headIsLate(on: loop) }
        case .head: headArrived(exchange, offset < bytes.byteCount, on: loop)
        case .body(let range): bodyArrived(bytes.extracting(range), exchange, on: loop)
        case .end: break
        }
        return event
    }

    private func begin(on loop: isolated EventLoop) -> HTTPExchange {
        let exchange = core.takeExchange()
        exchange.started = loop.now
        exchange.connection = self
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
        exchange.request.peer = peer
        let framing = exchange.request.head.framing
        let expectsContinue = exchange.request.head.expectsContinue
        switch core.decide(on: &exchange.request) {
        case .route(let route): exchange.route = route
        case .refusal(let response): exchange.refusal = response
        }
        guard framing != .none else { return }
        let bodyBytesMax =
            exchange.route.map { $0.shape.bodyBytesMax ?? core.options.bodyBytesMax }
            ?? core.options.discardedBodyBytesMax
        parser.bodyBytesMax = UInt64(max(0, bodyBytesMax))
        // The parser refuses it at its next step.
        if case .length(let length) = framing, length > parser.bodyBytesMax { return }
        isStreamed = exchange.route?.shape.isStreaming ?? false
        if isStreamed { return }
        setDeadline(core.bodyNanoseconds, on: loop)
        if exchange.refusal != nil {
            // Why have a body sent that nobody wants?
            if expectsContinue { refuse(nil, on: loop) }
            return
        }
        if case .length(let length) = framing {
            exchange.request.body.reserveCapacity(Int(min(length, 64 * 1024)))
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
        bytes.withUnsafeBytes { exchange.request.body.append(contentsOf: $0) }
    }

    /// The request is complete: have it answered.
    private func complete(on loop: isolated EventLoop) {
        guard var exchange = receiving.take() else { return }
        phase = .answering
        deadline = nil
        if let refusal = exchange.refusal {
            exchange.respond(refusal, on: loop)
        } else if let route = exchange.route {
            route.serve(exchange, on: loop)
        }
        if exchange.isDone, isKnownUniquelyReferenced(&exchange) { core.giveBack(exchange) }
    }

    /// Answers a request that cannot be read to its end, and closes.
    func refuse(_ error: HTTPError?, on loop: isolated EventLoop) {
        guard let exchange = receiving.take() else { return }
        phase = .answering
        deadline = nil
        exchange.request.head.forbidKeepAlive()
        if let refusal = exchange.refusal {
            exchange.respond(refusal, on: loop)
        } else if let error {
            exchange.respond(throwing: error, on: loop)
        }
    }

    static let continueLine = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
}
