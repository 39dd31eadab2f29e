extension JSON {
    /// Parses a text strictly by RFC 8259.
    ///
    /// Of equal keys the last wins; lone surrogates are refused; integers beyond 64 bits become
    /// doubles.
    public init(parsing bytes: RawSpan, limits: Limits = Limits()) throws(ParseError) {
        guard bytes.byteCount <= limits.bytesMax else {
            throw ParseError(offset: limits.bytesMax, reason: .tooLong)
        }
        var parser = JSONParser(bytes, depthMax: limits.depthMax)
        self = try parser.parseDocument()
    }

    /// Parses a text strictly by RFC 8259.
    public init(parsing bytes: [UInt8], limits: Limits = Limits()) throws(ParseError) {
        try self.init(parsing: bytes.span.bytes, limits: limits)
    }

    /// Parses a text strictly by RFC 8259.
    public init(parsing text: String, limits: Limits = Limits()) throws(ParseError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }

    /// Walks over the members of an object without building values: the way to pick parts out of
    /// a stored text and splice them elsewhere.
    ///
    /// The whole text is checked as when parsing, after the members were shown; of equal keys
    /// every one is shown.
    ///
    /// - Parameters:
    ///   - bytes: The text of an object.
    ///   - limits: Bounds on what is accepted.
    ///   - body: Receives each key and the range of its value's bytes, without white space.
    /// - Throws: The error that parsing the text would throw.
    public static func forEachMember(
        of bytes: RawSpan, limits: Limits = Limits(),
        _ body: (_ key: String, _ value: Range<Int>) -> Void
    ) throws(ParseError) {
        guard bytes.byteCount <= limits.bytesMax else {
            throw ParseError(offset: limits.bytesMax, reason: .tooLong)
        }
        var parser = JSONParser(bytes, depthMax: limits.depthMax)
        try parser.walkDocument(body)
    }
}
