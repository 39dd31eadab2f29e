/// A recursive-descent parser over lent bytes.
///
/// Its recursion is bounded by `depthMax`.
struct JSONParser: ~Escapable {
    typealias ParseError = JSON.ParseError

    let bytes: RawSpan
    let end: Int
    let depthMax: Int
    var offset = 0

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, depthMax: Int) {
        self.bytes = bytes
        self.end = bytes.byteCount
        self.depthMax = depthMax
    }

    mutating func parseDocument() throws(ParseError) -> JSON {
        skipWhiteSpace()
        let value = try parseValue(depth: 0)
        try expectEnd()
        return value
    }

    mutating func walkDocument(_ body: (String, Range<Int>) -> Void) throws(ParseError) {
        skipWhiteSpace()
        guard offset < end else { throw failure(.unexpectedEnd) }
        guard byte(at: offset) == UInt8(ascii: "{") else { throw failure(.unexpectedByte) }
        try parseMembers(depth: 0) { (parser, key) throws(ParseError) in
            let start = parser.offset
            try parser.skipValue(depth: 1)
            body(key, start..<parser.offset)
        }
        try expectEnd()
    }

    // MARK: Values

    mutating func parseValue(depth: Int) throws(ParseError) -> JSON {
        guard offset < end else { throw failure(.unexpectedEnd) }
        switch byte(at: offset) {
        case UInt8(ascii: "\""):
            return .string(try parseString())
        case UInt8(ascii: "{"):
            var members: [JSON.Object.Element] = []
            try parseMembers(depth: depth) { (parser, key) throws(ParseError) in
                members.append((key, try parser.parseValue(depth: depth + 1)))
            }
            return .object(JSON.Object(unsorted: members))
        case UInt8(ascii: "["):
            var elements: [JSON] = []
            try parseElements(depth: depth) { (parser) throws(ParseError) in
                elements.append(try parser.parseValue(depth: depth + 1))
            }
            return .array(elements)
        case UInt8(ascii: "t"):
            try expect("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try expect("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try expect("null")
            return .null
        default:
            return try parseNumber()
        }
    }

    /// As `parseValue`, building nothing.
    mutating func skipValue(depth: Int) throws(ParseError) {
        guard offset < end else { throw failure(.unexpectedEnd) }
        switch byte(at: offset) {
        case UInt8(ascii: "\""):
            try skipString()
        case UInt8(ascii: "{"):
            try parseMembers(depth: depth, skippingKeys: true) { (parser, _) throws(ParseError) in
                try parser.skipValue(depth: depth + 1)
            }
        case UInt8(ascii: "["):
            try parseElements(depth: depth) { (parser) throws(ParseError) in
                try parser.skipValue(depth: depth + 1)
            }
        default:
            _ = try parseValue(depth: depth)
        }
    }

    /// Parses an object whose brace is next; `value` must consume the value after each key.
    private mutating func parseMembers(
        depth: Int, skippingKeys: Bool = false,
        _ value: (inout JSONParser, String) throws(ParseError) -> Void
    ) throws(ParseError) {
        guard depth < depthMax else { throw failure(.tooDeep) }
        offset += 1
        skipWhiteSpace()
        if consume(UInt8(ascii: "}")) { return }
        while true {
            guard offset < end else { throw failure(.unexpectedEnd) }
            guard byte(at: offset) == UInt8(ascii: "\"") else { throw failure(.unexpectedByte) }
            var key = ""
            if skippingKeys { try skipString() } else { key = try parseString() }
            skipWhiteSpace()
            try expect(":")
            skipWhiteSpace()
            try value(&self, key)
            skipWhiteSpace()
            if consume(UInt8(ascii: ",")) {
                skipWhiteSpace()
            } else {
                return try expect("}")
            }
        }
    }

    /// Parses an array whose bracket is next; `value` must consume one element.
    private mutating func parseElements(
        depth: Int, _ value: (inout JSONParser) throws(ParseError) -> Void
    ) throws(ParseError) {
        guard depth < depthMax else { throw failure(.tooDeep) }
        offset += 1
        skipWhiteSpace()
        if consume(UInt8(ascii: "]")) { return }
        while true {
            try value(&self)
            skipWhiteSpace()
            if consume(UInt8(ascii: ",")) {
                skipWhiteSpace()
            } else {
                return try expect("]")
            }
        }
    }

    // MARK: Bytes

    func byte(at offset: Int) -> UInt8 {
        bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    func failure(_ reason: ParseError.Reason) -> ParseError {
        ParseError(offset: offset, reason: reason)
    }

    mutating func skipWhiteSpace() {
        while offset < end {
            switch byte(at: offset) {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    private mutating func consume(_ expected: UInt8) -> Bool {
        guard offset < end, byte(at: offset) == expected else { return false }
        offset += 1
        return true
    }

    private mutating func expect(_ text: StaticString) throws(ParseError) {
        var index = 0
        while index < text.utf8CodeUnitCount {
            guard offset < end else { throw failure(.unexpectedEnd) }
            guard byte(at: offset) == text.utf8Start[index] else { throw failure(.unexpectedByte) }
            offset += 1
            index += 1
        }
    }

    private mutating func expectEnd() throws(ParseError) {
        skipWhiteSpace()
        guard offset == end else { throw failure(.trailingBytes) }
    }
}
