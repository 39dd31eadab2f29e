public import Bytes
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

    /// The request.
    public internal(set) var request = HTTPRequest()
    var route: ServedRoute?
    var started = Instant(nanoseconds: 0)
    /// The answer is decided before the body has come, which is only read to keep the connection.
    var refusal: HTTPResponse?
    var connection: HTTPConnection?
    /// The body while it comes, where the route takes it as a stream.
    var upload: Upload?
    private var phase = Phase.unanswered
    private var streamedBytes = 0
    private var streamedStatus: HTTPStatus = .ok
    /// What compresses the answer that is being streamed.
    private var deflater: Deflater?
    private var flushIsDue = false

    init() {}

    deinit {
        if let deflater, let connection, connection.loop.isCurrent {
            connection.core.compression?.giveBack(deflater)
        }
        guard phase != .answered, let connection, connection.loop.isCurrent else { return }
        // An exchange lives on its loop, whose thread this is: nothing else can see what is used
        // here, which a nonisolated deinit cannot know.
        nonisolated(unsafe) let (holder, route) = (connection, route)
        let (occasion, started, request) = (occasion, started, request)
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

    private var occasion: Occasion {
        Occasion(
            isHead: request.isHead, version: request.head.version,
            keepAlive: request.head.keepAlive)
    }

    /// The answer is complete, if it could be given at all.
    private func conclude(
        _ status: HTTPStatus, _ bytes: Int?, _ occasion: Occasion, on loop: isolated EventLoop
    ) {
        phase = .answered
        guard let connection else { return }
        if connection.core.requestFinished != nil {
            connection.core.report(request, route, status, bytes, started)
        }
        connection.answered(occasion, on: loop)
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
    /// Shared pieces are not copied, and head and pieces leave in one vectored write: this is how
    /// one answer, rendered once, goes to many clients. Nothing is allocated on the way.
    public func respond(
        _ status: HTTPStatus = .ok, fields: PrerenderedFields, contentLength: Int,
        on loop: isolated EventLoop, body: (inout ResponseWriter) -> Void
    ) {
        guard phase == .unanswered else { return }
        let occasion = occasion
        var coding = Coding.plain
        if let pool = connection?.core.compression {
            coding = self.coding(
                status, isCompressible: fields.isCompressible, count: contentLength, pool)
        }
        let bytes = connection?.answer(
            status, fields, contentLength, coding, to: occasion, on: loop, body: body)
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
        guard let deflater, let connection, !request.isHead else { return }
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
        var taken = HTTPRequest()
        swap(&taken, &request)
        return taken
    }

    /// Makes it ready to receive another request, keeping its memory.
    func reset() {
        phase = .unanswered
        route = nil
        refusal = nil
        connection = nil
        upload = nil
        streamedBytes = 0
        request.reset()
    }
}

/// What an answer has to know of its request: little, since a request is costly to copy.
struct Occasion {
    let isHead: Bool
    let version: HTTPVersion
    let keepAlive: Bool
}

/// Takes the pieces of a body whose length was announced.
public struct ResponseWriter {
    let channel: Channel
    /// The method is HEAD or the status forbids a body: pieces are counted and dropped.
    let isMute: Bool
    private(set) var count = 0
    /// Where it is there, pieces are compressed and collected instead of being queued.
    private let deflater: Deflater?
    private(set) var compressed: [UInt8] = []

    init(_ channel: Channel, isMute: Bool, deflater: Deflater? = nil) {
        self.channel = channel
        self.isMute = isMute
        self.deflater = deflater
    }

    /// Queues a shared piece, without a copy.
    public mutating func write(_ shared: SharedBytes, on loop: isolated EventLoop) {
        count += shared.count
        if let deflater {
            deflater.compress(shared.bytes, .none, into: &compressed)
        } else if !isMute {
            channel.write(shared, on: loop)
        }
    }

    /// Queues a copy of a piece.
    public mutating func write(_ bytes: RawSpan, on loop: isolated EventLoop) {
        count += bytes.byteCount
        if let deflater {
            deflater.compress(bytes, .none, into: &compressed)
        } else if !isMute {
            channel.write(bytes, on: loop)
        }
    }

    mutating func finishCompressing() {
        deflater?.compress(RawSpan(), .finish, into: &compressed)
    }
}
