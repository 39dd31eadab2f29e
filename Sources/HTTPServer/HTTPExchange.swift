internal import Bytes
public import HTTPWire
public import Reactor

/// A request that waits for its answer, which may be given now or later, from anywhere on the loop.
///
/// Keep the exchange to answer later: a long poll is a kept exchange and nothing else. It must be
/// answered once; further answers are ignored. An exchange that is let go unanswered answers 500
/// by itself. It lives on its loop like everything else there.
public final class HTTPExchange {
    private enum Phase {
        case unanswered, streaming, answered
    }

    /// The request. Keep it in a constant where it is looked at often.
    public var request: HTTPRequest {
        if !isKept { keepRequest() }
        return stored
    }

    /// The request, as far as it ``isKept``.
    var stored = HTTPRequest()
    /// What serves the request, which its core owns.
    var served: Unmanaged<ServedRoute>?
    /// The answer is decided before the body has come, which is only read to keep the connection.
    var refusal: HTTPResponse?
    /// The body while it comes, where the route takes it as a stream.
    var upload: Upload?
    private(set) var started = Instant(nanoseconds: 0)
    /// The connection, to which a reference is counted only if ``holdsConnection``. Without, it lasts
    /// for as long as the connection waits for the handler to return.
    private var connectionReference: Unmanaged<HTTPConnection>?
    private var holdsConnection = false
    /// Where the head lies until somebody wants to see or keep it. Only while the connection waits
    /// for the handler to return.
    private var lentBytes: UnsafeRawPointer?
    /// Whether ``stored`` is complete, with the client's address.
    private var isKept = false
    private var lentCount = 0
    /// The request is a usual one, of which little need be known.
    private var isUsual = false
    /// Whether the connection may stay open after a usual one.
    private var keepAlive = true
    private var phase = Phase.unanswered
    private var streamedBytes = 0
    private var streamedStatus: HTTPStatus = .ok
    /// What compresses the answer that is being streamed.
    private var deflater: Deflater?
    private var flushIsDue = false

    init() {}

    deinit {
        defer { dropConnection() }
        if let deflater, let connection, connection.loop.isCurrent {
            connection.core.compression?.giveBack(deflater)
        }
        guard phase != .answered, let connection, connection.loop.isCurrent else { return }
        // An exchange lives on its loop, whose thread this is: nothing else can see what is used
        // here, which a nonisolated deinit cannot know.
        nonisolated(unsafe) let (holder, route) = (connection, route)
        let (occasion, started, request) = (occasion, started, stored)
        let wasStreaming = phase == .streaming
        connection.loop.assumeIsolated { loop in
            if wasStreaming {
                holder.core.report(request, route, .internalServerError, nil, started)
                holder.channel.abort(on: loop)
                return
            }
            let error = HTTPError(.internalServerError, "the request was not answered")
            let response = holder.core.render(error, request)
            let bytes = holder.answer(response, to: occasion, on: loop)
            holder.core.report(request, route, response.status, bytes, started)
            holder.answered(occasion, on: loop)
        }
    }

    // MARK: The connection

    var connection: HTTPConnection? { connectionReference?.takeUnretainedValue() }

    var route: ServedRoute? { served?.takeUnretainedValue() }

    /// Begins with a request whose head the connection's core has just found.
    @inline(__always)
    func begin(
        _ connection: HTTPConnection, _ head: RawSpan, keepAlive: Bool, started: Instant
    ) {
        connectionReference = Unmanaged.passUnretained(connection)
        self.started = started
        self.keepAlive = keepAlive
        isUsual = true
        lentCount = head.byteCount
        lentBytes = head.withUnsafeBytes { $0.baseAddress }
    }

    /// Begins with a request that is yet to be read.
    func begin(_ connection: HTTPConnection, started: Instant) {
        connectionReference = Unmanaged.passRetained(connection)
        holdsConnection = true
        self.started = started
    }

    /// Copies the request from where it was received, if that has not been done.
    func copyRequest() {
        guard let bytes = lentBytes, let connection else { return }
        lentBytes = nil
        connection.core.lend(to: nil)
        let head = RawSpan(
            _unsafeBytes: UnsafeRawBufferPointer(start: bytes, count: lentCount))
        connection.core.copyFound(head, into: &stored.head)
    }

    /// Completes ``stored``: with the head, and where it comes from.
    private func keepRequest() {
        guard !isKept, let connection else { return }
        isKept = true
        copyRequest()
        if stored.peer == nil { stored.peer = connection.peer }
    }

    /// Makes it last beyond the handler's return.
    func keep() {
        keepRequest()
        guard !holdsConnection, let connectionReference else { return }
        _ = connectionReference.retain()
        holdsConnection = true
    }

    private func dropConnection() {
        guard let reference = connectionReference else { return }
        connectionReference = nil
        guard holdsConnection else { return }
        holdsConnection = false
        reference.release()
    }

    private var occasion: Occasion {
        @inline(__always) get { isUsual ? usualOccasion : readOccasion }
    }

    private var usualOccasion: Occasion {
        @inline(__always) get {
            Occasion(isHead: false, version: .http11, keepAlive: keepAlive)
        }
    }

    private var readOccasion: Occasion {
        Occasion(
            isHead: stored.isHead, version: stored.head.version, keepAlive: stored.head.keepAlive)
    }

    /// The answer is complete, if it could be given at all.
    @inline(__always)
    private func conclude(
        _ status: HTTPStatus, _ bytes: Int?, _ occasion: Occasion, on loop: isolated EventLoop
    ) {
        phase = .answered
        guard let connectionReference else { return }
        connectionReference.use { connection in
            if connection.core.requestFinished != nil {
                connection.core.report(request, route, status, bytes, started)
            }
            connection.answered(occasion, on: loop)
        }
    }

    /// Whether it has been answered, or its answer is being streamed.
    public var isAnswered: Bool { phase != .unanswered }

    /// Whether its answer is complete.
    var isDone: Bool { phase == .answered }

    /// Whether the client has gone, so that an answer would be for nobody.
    public var isDisconnected: Bool { connection?.isGone ?? true }

    /// Calls `body` once if the client goes away before the answer is complete; at once if it has
    /// gone already. Replaces an earlier `body`.
    ///
    /// A client that has only ended its side of the connection counts as gone, although an answer
    /// would still be sent: who waits for an answer does not usually hang up.
    public func onDisconnect(_ body: @escaping () -> Void) {
        guard phase != .answered else { return }
        guard let connection, !connection.isGone else { return body() }
        connection.onDisconnect = body
    }

    /// Answers.
    public func respond(_ response: HTTPResponse, on loop: isolated EventLoop) {
        guard phase == .unanswered else { return }
        if case .file(let part) = response.body {
            return send(selecting(from: part, response), on: loop)
        }
        guard let pool = connection?.core.compression else { return send(response, on: loop) }
        if let encoded = encoded(response, pool, on: loop) { send(encoded, on: loop) }
    }

    private func send(_ response: HTTPResponse, on loop: isolated EventLoop) {
        let occasion = occasion
        let bytes = connection?.answer(response, to: occasion, on: loop)
        conclude(response.status, bytes, occasion, on: loop)
    }

    /// Answers with what the server's error renderer makes of `error`.
    public func respond(throwing error: any Error, on loop: isolated EventLoop) {
        guard let connection else { return }
        respond(connection.core.render(error, request), on: loop)
    }

    /// Answers with a body that `body` writes piece by piece, exactly `contentLength` bytes.
    ///
    /// Shared pieces beyond a kilobyte are not copied, and head and pieces leave in one vectored write:
    /// this is how one answer, rendered once, goes to many clients. Nothing is allocated on the way.
    public func respond(
        _ status: HTTPStatus = .ok, fields: PrerenderedFields, contentLength: Int,
        on loop: isolated EventLoop, body: (inout ResponseWriter) -> Void
    ) {
        guard phase == .unanswered else { return }
        guard let connectionReference else {
            phase = .answered
            return
        }
        let occasion = occasion
        // Whatever `body` calls, this one has its answer.
        phase = .answered
        let bytes = connectionReference.use { connection in
            var coding = Coding.plain
            if let pool = connection.core.compression {
                coding = self.coding(
                    status, isCompressible: fields.isCompressible, count: contentLength, pool)
            }
            return connection.answer(
                status, fields, contentLength, coding, to: occasion, on: loop, body: body)
        }
        conclude(status, bytes, occasion, on: loop)
    }

    // MARK: Streaming

    /// Begins an answer that is written piece by piece. ``write(_:on:)-(RawSpan,_)`` its body, then
    /// ``finish(on:)``.
    ///
    /// With a `contentLength` the client is told the length, which is to be kept to: a piece beyond
    /// it, or an end before it, breaks the connection. Without one the body comes in chunks.
    public func beginStreaming(
        _ status: HTTPStatus = .ok, headers: HTTPHeaders = HTTPHeaders(),
        contentLength: Int? = nil, on loop: isolated EventLoop
    ) {
        guard phase == .unanswered else { return }
        phase = .streaming
        streamedStatus = status
        var headers = headers
        if let pool = connection?.core.compression {
            deflater = beginEncoding(status, &headers, pool)
        }
        let length = deflater == nil ? contentLength : nil
        streamedBytes =
            connection?.beginStream(status, headers, length, for: occasion, on: loop) ?? 0
    }

    /// Writes a piece of the body.
    public func write(_ bytes: RawSpan, on loop: isolated EventLoop) {
        guard phase == .streaming else { return }
        guard deflater == nil else { return compress(bytes, .none, on: loop) }
        streamedBytes += connection?.streamChunk(bytes, for: occasion, on: loop) ?? 0
    }

    /// Compresses and writes. What zlib keeps to itself is written at the end of the turn, so that
    /// a client never waits for what has been written long ago.
    private func compress(
        _ bytes: RawSpan, _ flush: Deflater.Flush, on loop: isolated EventLoop
    ) {
        guard let deflater, let connection, !occasion.isHead else { return }
        connection.core.withScratch { output in
            deflater.compress(bytes, flush, into: &output)
            streamedBytes += connection.streamChunk(output.span.bytes, for: occasion, on: loop)
        }
        guard flush == .none, !flushIsDue else { return }
        flushIsDue = true
        loop.schedule(after: .zero) {
            self.flushIsDue = false
            guard self.phase == .streaming else { return }
            self.compress(RawSpan(), .sync, on: loop)
        }
    }

    /// Writes a piece of the body.
    public func write(_ bytes: [UInt8], on loop: isolated EventLoop) {
        write(bytes.span.bytes, on: loop)
    }

    /// Whether the client keeps up. While it does not, a producer should pause.
    public var isWritable: Bool { connection.map { $0.channel.isWritable && !$0.isGone } ?? false }

    /// Calls `body` each time ``isWritable`` becomes true again while the answer is streamed.
    public func onWritable(_ body: @escaping () -> Void) {
        guard phase == .streaming else { return }
        connection?.onWritable = body
    }

    /// Ends a streamed answer.
    public func finish(on loop: isolated EventLoop) {
        guard phase == .streaming else { return }
        if let deflater {
            compress(RawSpan(), .finish, on: loop)
            connection?.core.compression?.giveBack(deflater)
            self.deflater = nil
        }
        let occasion = occasion
        let last = connection?.endStream(streamedStatus, for: occasion, on: loop)
        conclude(streamedStatus, last.map { $0 + streamedBytes }, occasion, on: loop)
    }

    // MARK: Reuse

    /// Moves the request out; it has to be put back before the answer.
    func takeRequest() -> HTTPRequest {
        keepRequest()
        var taken = HTTPRequest()
        swap(&taken, &stored)
        return taken
    }

    /// Makes it ready to receive another request, keeping its memory.
    @inline(__always)
    func reset() {
        dropConnection()
        phase = .unanswered
        served = nil
        streamedBytes = 0
        // Of a usual request that nobody has looked at there is nothing here.
        let isEmpty = lentBytes != nil
        lentBytes = nil
        isUsual = false
        if isEmpty { return }
        isKept = false
        refusal = nil
        upload = nil
        stored.reset()
    }
}

/// What an answer has to know of its request: little, since a request is costly to copy.
struct Occasion {
    let isHead: Bool
    let version: HTTPVersion
    let keepAlive: Bool
}
