internal import Bytes

/// What a ``UsualReader`` found of a request: offsets from the head's first byte.
///
/// Read it field by field. Copying the whole just after it was written would wait for the stores,
/// which are narrower than a copy's loads: that took a twelfth of a request's time.
package struct UsualRequest: Sendable {
    /// Where the target begins: behind the method.
    package static let targetStart = 4
    /// The bytes of the head, its last line end included.
    package fileprivate(set) var count = 0
    /// Where the path ends.
    package fileprivate(set) var pathEnd = 0
    fileprivate var targetEnd = 0
    fileprivate var fieldCount = 0
    package fileprivate(set) var keepAlive = true

    package init() {}
}

/// Reads requests as nearly all clients send most of theirs, in one pass and in place: a GET of a
/// path over HTTP/1.1 that has come whole and has no body.
///
/// It accepts nothing that ``RequestParser`` refuses, finds the same in it, and refuses nothing: what
/// is incomplete, odd or wrong is left to the parser, which finds out what it is. A test holds the
/// two together. One reader serves all connections of a server, since nothing of a request stays
/// with it but what was ``found`` last.
package struct UsualReader: ~Copyable {
    /// Heads with more fields are left to the parser.
    private static let fieldsMax = 48
    /// Hosts that are longer are judged anew each time.
    private static let hostBytesMax = 64

    /// Allocated by `init`, freed by `deinit`, never given away.
    private let fields: UnsafeMutablePointer<HTTPHeaders.Field>
    private let bytesMax: Int
    private let fieldsMax: Int
    /// The last value of Host that was found valid: most requests have the same. Likewise the
    /// reader's own.
    private let host: UnsafeMutableRawPointer
    private var hostCount = 0
    /// What was found last.
    package private(set) var found = UsualRequest()

    package init(limits: ParserLimits) {
        // A head within the smaller one of the limits is within both.
        bytesMax = min(limits.requestLineBytesMax, limits.headerBytesMax)
        fieldsMax = max(0, min(UsualReader.fieldsMax, limits.headerCountMax))
        fields = .allocate(capacity: UsualReader.fieldsMax)
        fields.initialize(
            repeating: HTTPHeaders.Field(name: Slice(), value: Slice()),
            count: UsualReader.fieldsMax)
        host = .allocate(byteCount: UsualReader.hostBytesMax, alignment: 8)
    }

    deinit {
        fields.deallocate()
        host.deallocate()
    }

    /// Copies what was ``found`` last in a head, whose bytes begin those given, to where it can be
    /// kept.
    package func copy(of bytes: RawSpan, into head: inout RequestHead) {
        head.headers.storage.append(copying: bytes.extracting(0..<found.count))
        head.headers.fields.append(
            contentsOf: UnsafeBufferPointer(start: fields, count: found.fieldCount))
        let start = UsualRequest.targetStart
        head.methodSlice = Slice(0, start - 1)
        head.targetSlice = Slice(start, found.targetEnd)
        head.pathSlice = Slice(start, found.pathEnd)
        head.querySlice = Slice(min(found.pathEnd + 1, found.targetEnd), found.targetEnd)
        head.keepAlive = found.keepAlive
    }

    /// Reads the head that begins at `start`; returns whether it could.
    package mutating func read(_ bytes: RawSpan, from start: Int) -> Bool {
        // The shortest request line and the empty line.
        precondition(start >= 0, "before the span")
        guard bytes.byteCount &- start >= 18, bytes.four(start) == Word.get,
            bytes.one(start &+ 4) == UInt8(ascii: "/")
        else { return false }
        var offset = start &+ 4
        var question = 0
        while true {
            guard let end = UsualReader.endOfPath(bytes, from: offset) else { return false }
            offset = end
            let byte = bytes.one(offset)
            if byte == Syntax.space { break }
            guard byte == UInt8(ascii: "?") else { return false }
            if question == 0 { question = offset }
            offset &+= 1
        }
        guard bytes.byteCount &- offset >= 11, bytes.eight(offset &+ 1) == Word.version11,
            bytes.two(offset &+ 9) == UsualReader.lineEnd
        else { return false }
        found.targetEnd = offset &- start
        found.pathEnd = (question == 0 ? offset : question) &- start
        return readFields(bytes, start, offset &+ 11)
    }

    @inline(__always)
    private mutating func readFields(_ bytes: RawSpan, _ start: Int, _ first: Int) -> Bool {
        var offset = first
        var count = 0
        var hasHost = false
        var keepAlive = true
        while true {
            guard bytes.byteCount &- offset >= 2 else { return false }
            if bytes.two(offset) == UsualReader.lineEnd { break }
            guard count < fieldsMax, let line = UsualLine(bytes, at: offset) else { return false }
            switch UsualReader.meaning(bytes, line) {
            case .none: break
            case .host:
                guard !hasHost, isValidHost(bytes, line) else { return false }
                hasHost = true
            case .connection:
                let value = bytes.slice(Slice(line.valueStart, line.valueEnd))
                if value.equalsIgnoringCase("close") {
                    keepAlive = false
                } else if !value.equalsIgnoringCase("keep-alive") {
                    return false
                }
            case .framing: return false
            }
            fields[count] = HTTPHeaders.Field(
                name: Slice(offset &- start, line.nameEnd &- start),
                value: Slice(line.valueStart &- start, line.valueEnd &- start))
            count &+= 1
            offset = line.end
        }
        offset &+= 2
        guard hasHost, offset &- start <= bytesMax else { return false }
        found.count = offset &- start
        found.fieldCount = count
        found.keepAlive = keepAlive
        return true
    }

    private enum Meaning { case none, host, connection, framing }

    /// What a field is about, as far as a server must know. May take others for `framing`.
    @inline(__always)
    private static func meaning(_ bytes: RawSpan, _ line: UsualLine) -> Meaning {
        let count = line.nameEnd &- line.start
        guard count >= 4 else { return .none }
        // In lower case: no other token character becomes a letter so.
        switch bytes.four(line.start) | 0x2020_2020 {
        case Word.word4("host"): return count == 4 ? .host : .none
        case Word.word4("conn"):
            let name = bytes.slice(Slice(line.start, line.nameEnd))
            return count == 10 && name.equalsIgnoringCase("connection") ? .connection : .none
        case Word.word4("cont"): return count == 14 ? .framing : .none
        case Word.word4("tran"): return count == 17 ? .framing : .none
        case Word.word4("expe"): return count == 6 ? .framing : .none
        default: return .none
        }
    }

    @inline(__always)
    private mutating func isValidHost(_ bytes: RawSpan, _ line: UsualLine) -> Bool {
        let count = line.valueEnd &- line.valueStart
        let value = bytes.slice(Slice(line.valueStart, line.valueEnd))
        let known = UnsafeRawBufferPointer(start: host, count: hostCount)
        if count == hostCount, value.equals(RawSpan(_unsafeBytes: known)) { return true }
        return noteHost(value)
    }

    private mutating func noteHost(_ value: RawSpan) -> Bool {
        guard value.byteCount == 0 || Authority.isValid(value) else { return false }
        guard value.byteCount <= UsualReader.hostBytesMax else { return true }
        hostCount = value.byteCount
        value.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { host.copyMemory(from: base, byteCount: bytes.count) }
        }
        return true
    }

    /// The first byte that is not of a path, or a question mark. `nil` if there are less than eight
    /// bytes behind the path, for that is not a head.
    @inline(__always)
    private static func endOfPath(_ bytes: RawSpan, from start: Int) -> Int? {
        var offset = start
        while bytes.byteCount &- offset >= 8 {
            let word = bytes.eight(offset)
            let others =
                (Word.hasBelow(0x21, word) | Word.has(0x7f, word)
                    | Word.has(UInt8(ascii: "#"), word) | Word.has(UInt8(ascii: "?"), word) | word)
                & Word.highBits
            if others != 0 { return offset &+ others.trailingZeroBitCount / 8 }
            offset &+= 8
        }
        return nil
    }

    /// CR LF as it lies in memory.
    fileprivate static let lineEnd: UInt16 = 0x0a0d
}

// Loads whose place their callers have compared with the number of bytes before; debug builds look
// again.
extension RawSpan {
    @inline(__always)
    fileprivate func one(_ offset: Int) -> UInt8 {
        assert(offset >= 0 && byteCount - offset >= 1, "outside the span")
        return unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    @inline(__always)
    fileprivate func two(_ offset: Int) -> UInt16 {
        assert(offset >= 0 && byteCount - offset >= 2, "outside the span")
        return UInt16(
            littleEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt16.self))
    }

    @inline(__always)
    fileprivate func four(_ offset: Int) -> UInt32 {
        assert(offset >= 0 && byteCount - offset >= 4, "outside the span")
        return UInt32(
            littleEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self))
    }

    @inline(__always)
    fileprivate func eight(_ offset: Int) -> UInt64 {
        assert(offset >= 0 && byteCount - offset >= 8, "outside the span")
        return UInt64(
            littleEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    }
}

/// A field's line, by offsets of the whole span.
private struct UsualLine {
    let start: Int
    let nameEnd: Int
    let valueStart: Int
    let valueEnd: Int
    /// Behind the line's LF.
    let end: Int

    /// The line at `start`: a token, a colon, a value without tabs, CR LF, and what may be another
    /// CR LF behind it. `nil` if it is anything else.
    @inline(__always)
    init?(_ bytes: RawSpan, at start: Int) {
        var nameEnd = start
        while bytes.byteCount &- nameEnd >= 8 {
            let word = bytes.eight(nameEnd)
            // Letters and hyphens; other token characters are rare enough to be looked at singly.
            let others =
                ~(Word.isLetter(word) | Word.isBetween(0x2d, 0x2d, word)) & Word.highBits
            nameEnd &+= others == 0 ? 8 : others.trailingZeroBitCount / 8
            if others != 0 { break }
        }
        while nameEnd < bytes.byteCount, Syntax.isToken(bytes.one(nameEnd)) { nameEnd &+= 1 }
        guard nameEnd > start, bytes.byteCount &- nameEnd > 4, bytes.one(nameEnd) == Syntax.colon
        else { return nil }
        var valueStart = nameEnd &+ 1
        while valueStart < bytes.byteCount, bytes.one(valueStart) == Syntax.space {
            valueStart &+= 1
        }
        let stop = UsualLine.endOfText(bytes, from: valueStart)
        guard bytes.byteCount &- stop >= 4, bytes.two(stop) == UsualReader.lineEnd else {
            return nil
        }
        var valueEnd = stop
        while valueEnd > valueStart, bytes.one(valueEnd &- 1) == Syntax.space { valueEnd &-= 1 }
        self.start = start
        self.nameEnd = nameEnd
        self.valueStart = valueStart
        self.valueEnd = valueEnd
        end = stop &+ 2
    }

    /// The first control character, or the number of bytes. There are at least eight bytes before
    /// `start`: the request line.
    @inline(__always)
    private static func endOfText(_ bytes: RawSpan, from start: Int) -> Int {
        var offset = start
        while bytes.byteCount &- offset >= 8 {
            let word = bytes.eight(offset)
            let others = Word.hasBelow(0x20, word) | Word.has(0x7f, word)
            if others != 0 { return offset &+ others.trailingZeroBitCount / 8 }
            offset &+= 8
        }
        let left = bytes.byteCount &- offset
        guard left > 0 else { return offset }
        // The last bytes, and zeros, which are control characters, behind them.
        let word = bytes.eight(bytes.byteCount &- 8) &>> UInt64(8 &* (8 &- left))
        let others = Word.hasBelow(0x20, word) | Word.has(0x7f, word)
        return offset &+ others.trailingZeroBitCount / 8
    }
}
