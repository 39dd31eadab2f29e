internal import Bytes

/// Takes a chunked body apart, byte by byte where it is structure, at once where it is data.
///
/// Extensions and trailers are checked, counted against a limit, and dropped: nothing here has a
/// use for them, and a trailer that could pass for a header field is an old trap.
struct ChunkedDecoder: Sendable {
    enum Event {
        case needMore
        case data(Range<Int>)
        case end
    }

    private enum State {
        case size, beforeExtension, `extension`, sizeLineFeed
        case data, dataReturn, dataLineFeed
        case trailerStart, trailerName, trailerValue, trailerLineFeed, endLineFeed
    }

    private var state = State.size
    private var digits = 0
    /// The size of the chunk while it is read, then what is left of its data.
    private var remaining: UInt64 = 0
    private var extensionBytes = 0
    private var trailerBytes = 0

    /// Reads on from `offset` up to the next event.
    mutating func next(
        _ input: RawSpan, at offset: inout Int, limits: ParserLimits
    ) throws(HTTPError) -> Event {
        while offset < input.byteCount {
            if state == .data {
                let count = Int(min(remaining, UInt64(input.byteCount - offset)))
                let range = offset..<(offset + count)
                offset += count
                remaining -= UInt64(count)
                if remaining == 0 { state = .dataReturn }
                return .data(range)
            }
            let byte = input.byte(offset)
            offset += 1
            if state == .endLineFeed {
                try Self.expect(byte, Syntax.lineFeed)
                return .end
            }
            try step(byte, limits)
        }
        return .needMore
    }

    private mutating func step(_ byte: UInt8, _ limits: ParserLimits) throws(HTTPError) {
        switch state {
        case .size: try size(byte)
        case .beforeExtension, .extension: try chunkExtension(byte, limits)
        case .sizeLineFeed:
            try Self.expect(byte, Syntax.lineFeed)
            state = remaining == 0 ? .trailerStart : .data
        case .dataReturn:
            try Self.expect(byte, Syntax.carriageReturn)
            state = .dataLineFeed
        case .dataLineFeed:
            try Self.expect(byte, Syntax.lineFeed)
            state = .size
            digits = 0
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed:
            try trailer(byte, limits)
        case .data, .endLineFeed: break  // Handled by `next`.
        }
    }

    private mutating func size(_ byte: UInt8) throws(HTTPError) {
        if let digit = Syntax.hexadecimal(byte) {
            // Sixteen digits, of which the top bit must stay free for Int: far beyond any body.
            guard digits < 16, remaining >> 59 == 0 else {
                throw HTTPError(.badRequest, "a chunk's size is too large")
            }
            remaining = remaining << 4 | UInt64(digit)
            digits += 1
            return
        }
        guard digits > 0 else { throw HTTPError(.badRequest, "a chunk's size is malformed") }
        if byte == Syntax.carriageReturn {
            state = .sizeLineFeed
        } else if byte == UInt8(ascii: ";") {
            state = .extension
        } else if Syntax.isBlank(byte) {
            state = .beforeExtension
        } else {
            throw HTTPError(.badRequest, "a chunk's size is malformed")
        }
    }

    private mutating func chunkExtension(_ byte: UInt8, _ limits: ParserLimits) throws(HTTPError) {
        extensionBytes += 1
        guard extensionBytes <= limits.chunkExtensionBytesMax else {
            throw HTTPError(.badRequest, "the chunk extensions are too long")
        }
        if state == .beforeExtension {
            if byte == UInt8(ascii: ";") {
                state = .extension
            } else if !Syntax.isBlank(byte) {
                throw HTTPError(.badRequest, "a chunk's size is malformed")
            }
        } else if byte == Syntax.carriageReturn {
            state = .sizeLineFeed
        } else if !Syntax.isFieldContent(byte) {
            throw HTTPError(.badRequest, "a chunk extension holds control characters")
        }
    }

    private mutating func trailer(_ byte: UInt8, _ limits: ParserLimits) throws(HTTPError) {
        trailerBytes += 1
        guard trailerBytes <= limits.trailerBytesMax else {
            throw HTTPError(.requestHeaderFieldsTooLarge, "the trailer fields are too long")
        }
        switch state {
        case .trailerStart where byte == Syntax.carriageReturn: state = .endLineFeed
        case .trailerStart where Syntax.isToken(byte): state = .trailerName
        case .trailerName where byte == Syntax.colon: state = .trailerValue
        case .trailerName where Syntax.isToken(byte): break
        case .trailerValue where byte == Syntax.carriageReturn: state = .trailerLineFeed
        case .trailerValue where Syntax.isFieldContent(byte): break
        case .trailerLineFeed where byte == Syntax.lineFeed: state = .trailerStart
        default: throw HTTPError(.badRequest, "a trailer field is malformed")
        }
    }

    private static func expect(_ byte: UInt8, _ expected: UInt8) throws(HTTPError) {
        guard byte == expected else {
            throw HTTPError(.badRequest, "a chunk does not end with CR LF")
        }
    }
}
