internal import Bytes

/// Reads requests off a stream of bytes, one event at a time, without I/O.
///
/// The caller offers the input and an offset; the parser advances the offset over what it has
/// taken. Bytes of a head that is not complete yet are kept in the head's own storage, so input
/// needs to be offered only once. Every way to split the input gives the same events, save that the
/// bytes of a body may come in other pieces.
///
/// After an error, which says how to answer, the position in the stream is lost: the connection
/// has to be closed.
public struct RequestParser: Sendable {
    /// What the parser found.
    public enum Event: Sendable, Hashable {
        /// Everything offered was taken; more is needed.
        case needMore
        /// The head is complete. Its body follows unless its framing is `none`.
        case head
        /// A piece of the body lies at these offsets of the input.
        case body(Range<Int>)
        /// The request is complete; the next one may follow.
        case end
    }

    private enum State: Sendable {
        case head
        case afterHead(BodyFraming)
        case fixed(remaining: UInt64)
        case chunked(ChunkedDecoder)
        case failed(HTTPError)
    }

    private var state = State.head
    private var headParser = HeadParser()
    private var bodyBytes: UInt64 = 0
    private let limits: ParserLimits

    /// The longest body that is accepted; more is answered 413. It may be set for each request
    /// between its head and the following call.
    public var bodyBytesMax: UInt64

    /// A parser at the beginning of a connection.
    public init(limits: ParserLimits = ParserLimits(), bodyBytesMax: UInt64 = 1 << 20) {
        self.limits = limits
        self.bodyBytesMax = bodyBytesMax
    }

    /// Whether the parser stands between two requests, with nothing of the next one seen.
    public func isBetweenRequests(_ head: borrowing RequestHead) -> Bool {
        if case .head = state { head.headers.storage.isEmpty } else { false }
    }

    /// Reads on from `offset` up to the next event.
    ///
    /// `head` is filled in place and must be the same one until the request has ended; after that
    /// the caller resets it (``RequestHead/reset()``) or passes another.
    public mutating func next(
        _ input: RawSpan, at offset: inout Int, into head: inout RequestHead
    ) throws(HTTPError) -> Event {
        do throws(HTTPError) {
            switch state {
            case .head:
                guard try advanceHead(input, at: &offset, into: &head) else { return .needMore }
                state = .afterHead(head.framing)
                return .head
            case .afterHead, .fixed, .chunked, .failed:
                return try advanceBody(input, at: &offset)
            }
        } catch {
            state = .failed(error)
            throw error
        }
    }

    /// Reads on in the body of a request whose head has been given away. Between requests there is
    /// no body, which is then said to have ended.
    public mutating func nextOfBody(
        _ input: RawSpan, at offset: inout Int
    ) throws(HTTPError) -> Event {
        do throws(HTTPError) {
            return try advanceBody(input, at: &offset)
        } catch {
            state = .failed(error)
            throw error
        }
    }

    private mutating func advanceBody(
        _ input: RawSpan, at offset: inout Int
    ) throws(HTTPError) -> Event {
        switch state {
        case .head: return .end
        case .afterHead(let framing): return try beginBody(input, at: &offset, framing)
        case .fixed(let remaining): return fixedBody(input, at: &offset, remaining)
        case .chunked(var decoder): return try chunkedBody(input, at: &offset, &decoder)
        case .failed(let error): throw error
        }
    }

    /// Returns whether the head is complete.
    private mutating func advanceHead(
        _ input: RawSpan, at offset: inout Int, into head: inout RequestHead
    ) throws(HTTPError) -> Bool {
        guard offset < input.byteCount else { return false }
        // The storage is taken out of the head while it is read, so that the head can be written.
        var storage: [UInt8] = []
        swap(&storage, &head.headers.storage)
        defer { swap(&storage, &head.headers.storage) }
        let rest = input.extracting(offset..<input.byteCount)
        if storage.isEmpty {
            // The usual case: a whole head in one piece of input, read in place and copied once.
            let end: Int?
            do throws(HTTPError) {
                end = try headParser.advance(rest, limits: limits, into: &head)
            } catch {
                // What was found of the head lies in these bytes, and a report may show it.
                storage.append(copying: rest)
                throw error
            }
            storage.append(copying: rest.extracting(0..<(end ?? rest.byteCount)))
            offset += end ?? rest.byteCount
            guard end != nil else { return false }
        } else {
            // What the parser can use at most; it fails before the rest would matter.
            let before = storage.count
            let useful = limits.requestLineBytesMax + limits.headerBytesMax + 8 - before
            let taken = min(rest.byteCount, max(useful, 1))
            storage.append(copying: rest.extracting(0..<taken))
            let end = try headParser.advance(storage.span.bytes, limits: limits, into: &head)
            offset += (end ?? storage.count) - before
            guard let end else { return false }
            storage.removeLast(storage.count - end)
        }
        headParser = HeadParser()
        return true
    }

    private mutating func beginBody(
        _ input: RawSpan, at offset: inout Int, _ framing: BodyFraming
    ) throws(HTTPError) -> Event {
        bodyBytes = 0
        switch framing {
        case .none:
            state = .head
            return .end
        case .length(let length):
            guard length <= bodyBytesMax else { throw Self.bodyTooLarge }
            return fixedBody(input, at: &offset, length)
        case .chunked:
            var decoder = ChunkedDecoder()
            return try chunkedBody(input, at: &offset, &decoder)
        }
    }

    private mutating func fixedBody(
        _ input: RawSpan, at offset: inout Int, _ remaining: UInt64
    ) -> Event {
        if remaining == 0 {
            state = .head
            return .end
        }
        let count = Int(min(remaining, UInt64(input.byteCount - offset)))
        state = .fixed(remaining: remaining - UInt64(count))
        guard count > 0 else { return .needMore }
        offset += count
        return .body((offset - count)..<offset)
    }

    private mutating func chunkedBody(
        _ input: RawSpan, at offset: inout Int, _ decoder: inout ChunkedDecoder
    ) throws(HTTPError) -> Event {
        let event = try decoder.next(input, at: &offset, limits: limits)
        state = .chunked(decoder)
        switch event {
        case .needMore: return .needMore
        case .data(let range):
            bodyBytes += UInt64(range.count)
            guard bodyBytes <= bodyBytesMax else { throw Self.bodyTooLarge }
            return .body(range)
        case .end:
            state = .head
            return .end
        }
    }

    private static var bodyTooLarge: HTTPError {
        HTTPError(.contentTooLarge, "the body is too large")
    }
}

extension Array<UInt8> {
    @inline(__always)
    mutating func append(copying bytes: RawSpan) {
        bytes.withUnsafeBytes { append(contentsOf: $0) }
    }
}
