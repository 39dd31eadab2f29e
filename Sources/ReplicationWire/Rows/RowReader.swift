import Bytes
import JSON

/// Reads the columns of one row, an array of JSON, from left to right without building a tree.
///
/// It is more liberal than a JSON parser where real processes are: half of a surrogate pair
/// becomes U+FFFD, and columns that the reader does not ask for are passed over.
struct RowReader: ~Escapable {
    let bytes: RawSpan
    var offset = 0
    private var isFirst = true

    /// Begins at the `[` of a row.
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan) throws(RowError) {
        self.bytes = bytes
        try open()
    }

    /// The next byte that is not white space, without taking it.
    private mutating func peek() throws(RowError) -> UInt8 {
        while offset < bytes.byteCount {
            let byte = bytes.byte(offset)
            guard byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A else { return byte }
            offset += 1
        }
        throw failure("more")
    }

    func failure(_ expected: StaticString) -> RowError {
        RowError(offset: offset, expected: expected)
    }

    /// Enters an array.
    mutating func open() throws(RowError) {
        guard try peek() == UInt8(ascii: "[") else { throw failure("[") }
        offset += 1
        isFirst = true
    }

    /// Whether the array has another column.
    mutating func hasNext() throws(RowError) -> Bool {
        try peek() != UInt8(ascii: "]")
    }

    /// Leaves the array, passing over the rest of its columns.
    mutating func close() throws(RowError) {
        while try hasNext() { try skip() }
        offset += 1
        isFirst = false
    }

    /// Leaves the row; nothing may follow.
    mutating func finish() throws(RowError) {
        try close()
        guard (try? peek()) == nil else { throw failure("the end") }
    }

    /// Goes to the beginning of the next column and returns its first byte.
    private mutating func next() throws(RowError) -> UInt8 {
        if isFirst {
            isFirst = false
        } else {
            guard try peek() == UInt8(ascii: ",") else { throw failure(",") }
            offset += 1
        }
        return try peek()
    }

    private mutating func take(_ literal: StaticString) -> Bool {
        guard bytes.extracting(droppingFirst: offset).starts(with: literal) else { return false }
        offset += literal.utf8CodeUnitCount
        return true
    }

    // MARK: Columns

    /// A string.
    mutating func string() throws(RowError) -> String {
        guard try next() == UInt8(ascii: "\"") else { throw failure("a string") }
        return try readString()
    }

    /// A string or `null`.
    mutating func optionalString() throws(RowError) -> String? {
        switch try next() {
        case UInt8(ascii: "\""): return try readString()
        default:
            guard take("null") else { throw failure("a string or null") }
            return nil
        }
    }

    /// The string of the next column, if there is one and it is a string.
    mutating func anyStringIfPresent() throws(RowError) -> String? {
        guard try hasNext() else { return nil }
        guard try next() == UInt8(ascii: "\"") else {
            try skipValue()
            return nil
        }
        return try readString()
    }

    /// A whole number.
    mutating func integer() throws(RowError) -> Int64 {
        _ = try next()
        let start = offset
        skipScalar()
        let text = bytes.extracting(start..<offset)
        if let value = Int64(ascii: text) { return value }
        // A time that some Python release computed as a float.
        guard let value = Double(text.string), let whole = Int64(exactly: value.rounded()) else {
            throw RowError(offset: start, expected: "a number")
        }
        return whole
    }

    /// A boolean.
    mutating func bool() throws(RowError) -> Bool {
        _ = try next()
        if take("true") { return true }
        guard take("false") else { throw failure("a boolean") }
        return false
    }

    /// The boolean of the next column, if there is one and it is a boolean.
    mutating func boolIfPresent() throws(RowError) -> Bool? {
        guard try hasNext() else { return nil }
        _ = try next()
        if take("true") { return true }
        if take("false") { return false }
        try skipValue()
        return nil
    }

    /// An array of strings.
    mutating func strings() throws(RowError) -> [String] {
        guard try next() == UInt8(ascii: "[") else { throw failure("an array") }
        var strings: [String] = []
        try open()
        while try hasNext() { strings.append(try string()) }
        try close()
        return strings
    }

    /// An array of strings or `null`.
    mutating func optionalStrings() throws(RowError) -> [String]? {
        guard try next() == UInt8(ascii: "n") else {
            guard bytes.byte(offset) == UInt8(ascii: "[") else { throw failure("an array") }
            var strings: [String] = []
            try open()
            while try hasNext() { strings.append(try string()) }
            try close()
            return strings
        }
        guard take("null") else { throw failure("an array or null") }
        return nil
    }

    /// Enters an array that is a column.
    mutating func openColumn() throws(RowError) {
        _ = try next()
        try open()
    }

    /// The text of the next column, whatever it is.
    mutating func text() throws(RowError) -> String {
        _ = try next()
        let start = offset
        try skipValue()
        return bytes.extracting(start..<offset).string
    }

    /// A string that holds JSON, or the JSON itself as text. An empty string counts as `null`.
    mutating func embeddedJSON() throws(RowError) -> String? {
        switch try next() {
        case UInt8(ascii: "\""):
            let text = try readString()
            return text.isEmpty ? nil : text
        case UInt8(ascii: "n"):
            guard take("null") else { throw failure("null") }
            return nil
        default:
            let start = offset
            try skipValue()
            return bytes.extracting(start..<offset).string
        }
    }

    /// Any value.
    mutating func json() throws(RowError) -> JSON {
        _ = try next()
        let start = offset
        try skipValue()
        do {
            return try JSON(parsing: bytes.extracting(start..<offset))
        } catch {
            throw RowError(offset: start, expected: "JSON")
        }
    }

    /// Passes over a column.
    mutating func skip() throws(RowError) {
        _ = try next()
        try skipValue()
    }
}
