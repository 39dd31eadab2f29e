internal import Bytes

/// Header fields in the order in which they came, names compared without case.
///
/// All names and values lie in one array of bytes; a field is four offsets into it. A request's
/// fields are its head as it was received, so reading them makes no strings until one is asked for.
public struct HTTPHeaders: Sendable {
    /// Where one field's name and value lie in ``storage``.
    struct Field: Sendable, Hashable {
        var name: Slice
        var value: Slice
    }

    var storage: [UInt8] = []
    var fields: [Field] = []
    /// The storage holds just the lines of these fields, ready to be sent.
    var isRendered = true

    /// No fields.
    public init() {}

    /// The number of fields; a name that came twice counts twice.
    public var count: Int { fields.count }

    /// Whether there are no fields.
    public var isEmpty: Bool { fields.isEmpty }

    /// Adds a field after the others.
    ///
    /// A name that is not a token is refused (nothing is added, `false`): it is a mistake in the
    /// program. A value often holds what others said, so bytes that would end the line or are
    /// otherwise forbidden become spaces; a value can never smuggle a second field.
    @discardableResult
    public mutating func append(_ name: String, _ value: String) -> Bool {
        let start = storage.count
        storage.append(contentsOf: name.utf8)
        let nameEnd = storage.count
        guard Syntax.isToken(storage.span.bytes.extracting(start..<nameEnd)) else {
            storage.removeLast(nameEnd - start)
            return false
        }
        storage.append(contentsOf: [Syntax.colon, Syntax.space])
        let valueStart = storage.count
        storage.append(contentsOf: value.utf8)
        if !Syntax.isFieldValue(storage.span.bytes.extracting(valueStart..<storage.count)) {
            for index in valueStart..<storage.count where !Syntax.isFieldContent(storage[index]) {
                storage[index] = Syntax.space
            }
        }
        let field = Field(name: Slice(start, nameEnd), value: Slice(valueStart, storage.count))
        fields.append(field)
        storage.append(Syntax.carriageReturn)
        storage.append(Syntax.lineFeed)
        let isServersOwn = ResponseEncoder.isServersOwn(storage.span.bytes.slice(field.name))
        if isServersOwn { isRendered = false }
        return true
    }

    /// Replaces every field of that name by one.
    public mutating func set(_ name: String, _ value: String) {
        remove(name)
        append(name, value)
    }

    /// Removes every field of that name.
    public mutating func remove(_ name: String) {
        let bytes = storage
        let before = fields.count
        fields.removeAll { bytes.span.bytes.slice($0.name).equalsIgnoringCase(utf8: name) }
        if fields.count < before { isRendered = false }
    }

    /// The value of the first field of that name. What is not UTF-8 in it becomes U+FFFD.
    public subscript(name: String) -> String? {
        for field in fields
        where storage.span.bytes.slice(field.name).equalsIgnoringCase(utf8: name) {
            return storage.span.bytes.slice(field.value).string
        }
        return nil
    }

    /// The values of all fields of that name, in order.
    public func values(_ name: String) -> [String] {
        fields.compactMap { field in
            guard storage.span.bytes.slice(field.name).equalsIgnoringCase(utf8: name) else {
                return nil
            }
            return storage.span.bytes.slice(field.value).string
        }
    }
}

extension HTTPHeaders {
    /// The place of the first field of that name, for ``value(at:)``. Makes no strings.
    public func firstIndex(of name: StaticString) -> Int? {
        let bytes = storage.span.bytes
        for index in fields.indices where bytes.slice(fields[index].name).equalsIgnoringCase(name) {
            return index
        }
        return nil
    }

    /// The name of the field at `index`, as it was written.
    @_lifetime(borrow self)
    public func name(at index: Int) -> RawSpan { storage.span.bytes.slice(fields[index].name) }

    /// The value of the field at `index`, without the spaces around it.
    @_lifetime(borrow self)
    public func value(at index: Int) -> RawSpan { storage.span.bytes.slice(fields[index].value) }

    /// The lines of the fields, save those that are the server's own to decide, ready to be sent.
    package var renderedBytes: [UInt8] {
        if isRendered { return storage }
        var bytes: [UInt8] = []
        ResponseEncoder.appendFields(self, to: &bytes)
        return bytes
    }

    /// Forgets all fields and keeps the memory for the next ones.
    mutating func reset() {
        isRendered = false
        storage.removeAll(keepingCapacity: true)
        fields.removeAll(keepingCapacity: true)
    }
}

extension HTTPHeaders: Sequence {
    /// Walks the fields in order, each as a pair of strings.
    public func makeIterator() -> some IteratorProtocol<(name: String, value: String)> {
        var index = 0
        return AnyIterator { [self] in
            guard index < fields.count else { return nil }
            defer { index += 1 }
            return (name(at: index).string, value(at: index).string)
        }
    }
}

extension HTTPHeaders: Equatable {
    /// Whether both hold the same fields in the same order; names as they are written.
    public static func == (left: HTTPHeaders, right: HTTPHeaders) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<left.count
        where !left.name(at: index).equals(right.name(at: index))
            || !left.value(at: index).equals(right.value(at: index))
        {
            return false
        }
        return true
    }
}

extension RawSpan {
    /// As ``equalsIgnoringCase(_:)``, for a name that is not a literal.
    func equalsIgnoringCase(utf8 name: String) -> Bool {
        var offset = 0
        for byte in name.utf8 {
            guard offset < byteCount, self.byte(offset).asciiLowercased == byte.asciiLowercased
            else { return false }
            offset += 1
        }
        return offset == byteCount
    }
}

extension HTTPHeaders: ExpressibleByDictionaryLiteral {
    /// The given fields, in order.
    public init(dictionaryLiteral fields: (String, String)...) {
        for (name, value) in fields { append(name, value) }
    }
}
