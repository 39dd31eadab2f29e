internal import Bytes

/// Reads a request's head line by line. Works on bytes that begin with the head's first byte and
/// grow from call to call; what it finds are offsets into them.
///
/// Limits and lines are judged in the order in which they come, each as soon as it can be judged
/// whatever was received behind it: every way to split the input gives the same outcome.
struct HeadParser: Sendable {
    private var lineStart = 0
    private var scanned = 0
    private var skippedEmptyLine = false
    /// Where the header fields begin; zero while the request line is awaited.
    private var fieldsStart = 0
    private var facts = FramingFacts()

    /// Reads on in `bytes`. Returns the offset behind the head, or `nil` if it is not complete.
    mutating func advance(
        _ bytes: RawSpan, limits: ParserLimits, into head: inout RequestHead
    ) throws(HTTPError) -> Int? {
        while true {
            if try advanceUsually(bytes, limits, into: &head) { continue }
            try checkFirstByte(bytes)
            let lineFeed = bytes.firstIndex(of: Syntax.lineFeed, from: scanned)
            try checkLength(lineFeed ?? bytes.byteCount, limits)
            guard let lineFeed else {
                scanned = bytes.byteCount
                return nil
            }
            let start = lineStart
            next(after: lineFeed)
            guard lineFeed > start, bytes.byte(lineFeed - 1) == Syntax.carriageReturn else {
                throw HTTPError(.badRequest, "a line does not end with CR LF")
            }
            let line = Slice(start, lineFeed - 1)
            if fieldsStart == 0 {
                if try parseRequestLine(bytes, line, into: &head) { fieldsStart = lineStart }
            } else if line.count == 0 {
                try facts.conclude(into: &head)
                return lineStart
            } else {
                try parseField(bytes, line, limits: limits, into: &head)
            }
        }
    }

    /// Reads a line if it is complete and as most are; returns whether it was.
    @inline(__always)
    private mutating func advanceUsually(
        _ bytes: RawSpan, _ limits: ParserLimits, into head: inout RequestHead
    ) throws(HTTPError) -> Bool {
        let start = lineStart
        guard fieldsStart != 0 else {
            guard let line = Self.usualRequestLine(bytes, at: start),
                line.lineFeed - start <= limits.requestLineBytesMax + 1
            else { return false }
            next(after: line.lineFeed)
            fieldsStart = lineStart
            head.version = .http11
            head.knownMethod = .get
            head.methodSlice = Slice(start, start + 3)
            head.setPath(line.target, in: bytes)
            return true
        }
        guard let field = Self.usualField(bytes, at: start),
            field.lineFeed - fieldsStart <= limits.headerBytesMax + 1,
            head.headers.fields.count < limits.headerCountMax
        else { return false }
        next(after: field.lineFeed)
        try add(field.name, field.value, bytes, into: &head)
        return true
    }

    private mutating func next(after lineFeed: Int) {
        lineStart = lineFeed + 1
        scanned = lineStart
    }

    @inline(__always)
    private mutating func add(
        _ name: Slice, _ value: Slice, _ bytes: RawSpan, into head: inout RequestHead
    ) throws(HTTPError) {
        head.headers.fields.append(HTTPHeaders.Field(name: name, value: value))
        try facts.note(name: bytes.slice(name), value: bytes.slice(value), version: head.version)
    }

    /// Refuses at once what cannot become a request, such as a TLS handshake.
    private func checkFirstByte(_ bytes: RawSpan) throws(HTTPError) {
        guard fieldsStart == 0, lineStart < bytes.byteCount else { return }
        let first = bytes.byte(lineStart)
        guard Syntax.isToken(first) || first == Syntax.carriageReturn else {
            throw HTTPError(.badRequest, "the request does not begin with a method")
        }
    }

    /// `end` is the end of the line or, as long as that has not come, of what there is of it.
    private func checkLength(_ end: Int, _ limits: ParserLimits) throws(HTTPError) {
        // One more than the limit, for the CR.
        if fieldsStart == 0 {
            guard end - lineStart <= limits.requestLineBytesMax + 1 else {
                throw HTTPError(.uriTooLong, "the request line is too long")
            }
        } else {
            guard end - fieldsStart <= limits.headerBytesMax + 1 else {
                throw HTTPError(.requestHeaderFieldsTooLarge, "the header fields are too long")
            }
        }
    }

    /// Returns whether it was a request line: one empty line before it is forgiven.
    private mutating func parseRequestLine(
        _ bytes: RawSpan, _ line: Slice, into head: inout RequestHead
    ) throws(HTTPError) -> Bool {
        if line.count == 0 {
            guard !skippedEmptyLine else {
                throw HTTPError(.badRequest, "empty lines instead of a request")
            }
            skippedEmptyLine = true
            return false
        }
        let end = line.range.upperBound
        let space = UInt8(ascii: " ")
        guard let first = bytes.firstIndex(of: space, from: line.range.lowerBound), first < end,
            let second = bytes.firstIndex(of: space, from: first + 1), second < end
        else { throw HTTPError(.badRequest, "the request line has not three parts") }
        let method = bytes.slice(Slice(line.range.lowerBound, first))
        guard Syntax.isToken(method) else {
            throw HTTPError(.badRequest, "the method is not a token")
        }
        guard method.byteCount <= 32 else {
            throw HTTPError(.notImplemented, "the method is unknown")
        }
        let target = Slice(first + 1, second)
        guard Syntax.isTarget(bytes.slice(target)) else {
            throw HTTPError(.badRequest, "the request target holds forbidden characters")
        }
        head.version = try Self.version(bytes.slice(Slice(second + 1, end)))
        head.knownMethod = KnownMethod(method)
        head.methodSlice = Slice(line.range.lowerBound, first)
        try head.setTarget(target, in: bytes)
        return true
    }

    private static func version(_ bytes: RawSpan) throws(HTTPError) -> HTTPVersion {
        guard bytes.byteCount == 8, bytes.starts(with: "HTTP/"), bytes.byte(5).isASCIIDigit,
            bytes.byte(6) == UInt8(ascii: "."), bytes.byte(7).isASCIIDigit
        else { throw HTTPError(.badRequest, "the protocol version is malformed") }
        switch (bytes.byte(5), bytes.byte(7)) {
        case (UInt8(ascii: "1"), UInt8(ascii: "0")): return .http10
        // A later minor version may not change what this one means: RFC 9110, section 2.5.
        case (UInt8(ascii: "1"), _): return .http11
        default: throw HTTPError(.versionNotSupported, "only HTTP/1.1 and HTTP/1.0 are spoken")
        }
    }

    private mutating func parseField(
        _ bytes: RawSpan, _ line: Slice, limits: ParserLimits, into head: inout RequestHead
    ) throws(HTTPError) {
        guard head.headers.fields.count < limits.headerCountMax else {
            throw HTTPError(.requestHeaderFieldsTooLarge, "there are too many header fields")
        }
        let name = Slice(line.range.lowerBound, try Self.endOfName(bytes, line))
        let value = Slice(name.range.upperBound + 1, line.range.upperBound).trimmed(in: bytes)
        guard Syntax.isFieldValue(bytes.slice(value)) else {
            throw HTTPError(.badRequest, "a field value holds control characters")
        }
        try add(name, value, bytes, into: &head)
    }

    /// The offset of the colon behind the field's name.
    private static func endOfName(_ bytes: RawSpan, _ line: Slice) throws(HTTPError) -> Int {
        var offset = line.range.lowerBound
        let end = line.range.upperBound
        if Syntax.isBlank(bytes.byte(offset)) {
            throw HTTPError(.badRequest, "header fields must not be folded")
        }
        while offset < end, Syntax.isToken(bytes.byte(offset)) { offset += 1 }
        guard offset < end, bytes.byte(offset) == Syntax.colon, offset > line.range.lowerBound
        else { throw HTTPError(.badRequest, "a field name is malformed") }
        return offset
    }
}
