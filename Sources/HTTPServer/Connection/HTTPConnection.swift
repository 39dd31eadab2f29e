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
    var unreadBytes = 0
    /// The answer is a stream without chunks.
    var streamEndsConnection = false
    /// The deadline is about the request that is being received.
    private var headIsTimed = false
    var onDisconnect: (() -> Void)?
    var onWritable: (() -> Void)?
    private lazy var peer = Peer(channel.remoteAddress)

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
        guard phase == .reading || phase == .answering else { return }
        var consumed = 0
        if held.isEmpty { consumed = process(bytes, on: loop) }
        guard consumed < bytes.byteCount, phase == .reading || phase == .answering else { return }
        held.append(bytes.extracting(consumed..<bytes.byteCount))
        if held.count > core.options.pipelinedBytesMax, !isPaused {
            isPaused = true
            channel.pauseReading(on: loop)
        }
    }

    func inputEnded(_ channel: Channel, on loop: isolated EventLoop) {
        inputHasEnded = true
        switch phase {
        case .reading where held.isEmpty: close(on: loop)
        case .reading, .closing, .closed: break
        case .answering: onDisconnect.take()?()
        }
    }

    func writabilityChanged(_ channel: Channel, on loop: isolated EventLoop) {
        guard channel.isWritable else { return }
        if phase == .answering {
            onWritable?()
        } else {
            processHeld(on: loop)
        }
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        phase = .closed
        receiving = nil
        held = ByteQueue()
        onWritable = nil
        if let timer = timer.take() { loop.cancel(timer) }
        core.remove(self)
        onDisconnect.take()?()
    }

    // MARK: Input

    /// Looks at input that was held back. Called whenever what held it back may have ended.
    func processHeld(on loop: isolated EventLoop) {
        guard !isProcessing, phase == .reading, channel.isWritable else { return }
        if !held.isEmpty {
            // Taken out while it is read: nothing can be added to it meanwhile.
            var input = ByteQueue()
            swap(&input, &held)
            let consumed = process(input.readable, on: loop)
            guard phase == .reading || phase == .answering else { return }
            input.consume(consumed)
            if !input.isEmpty { swap(&input, &held) }
        }
        if isPaused, held.count <= core.options.pipelinedBytesMax {
            isPaused = false
            channel.resumeReading(on: loop)
        }
        // The client has nothing more to say, and everything it said has been answered.
        if inputHasEnded, phase == .reading, channel.isWritable { close(on: loop) }
    }

    /// Reads requests until the input ends or a request has to be answered first. Returns how much
    /// was taken.
    private func process(_ bytes: RawSpan, on loop: isolated EventLoop) -> Int {
        isProcessing = true
        defer { isProcessing = false }
        var offset = 0
        while phase == .reading, offset < bytes.byteCount || receiving != nil {
            // A client that does not read its answers gets no more of them.
            guard receiving != nil || channel.isWritable else { break }
            do throws(HTTPError) {
                switch try advance(bytes, at: &offset, on: loop) {
                case .needMore: return offset
                case .head, .body: break
                case .end: complete(on: loop)
                }
            } catch {
                refuse(error, on: loop)
            }
        }
        return offset
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
        setDeadline(core.bodyNanoseconds, on: loop)
        if exchange.refusal != nil {
            // Why have a body sent that nobody wants?
            if expectsContinue { refuse(nil, on: loop) }
            return
        }
        if case .length(let length) = framing {
            guard length <= parser.bodyBytesMax else { return }
            exchange.request.body.reserveCapacity(Int(min(length, 64 * 1024)))
        }
        if expectsContinue, !moreHasCome { channel.write(Self.continueLine, on: loop) }
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

    private static let continueLine = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
}
