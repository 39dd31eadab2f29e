import JSON

/// Writes the columns of one row as the releases of April 2017 did: compact, ASCII, `\/`.
struct RowWriter {
    static let style = JSON.Style.asciiEscapingSlashes

    private var bytes: [UInt8] = []
    private var isFirst = true

    /// Appends a row, whose columns `body` writes, to `output`.
    ///
    /// The bytes change hands by swapping; anything else was seen to copy them all for each row.
    static func append(to output: inout [UInt8], _ body: (inout RowWriter) -> Void) {
        var writer = RowWriter()
        swap(&writer.bytes, &output)
        writer.open()
        body(&writer)
        writer.close()
        swap(&writer.bytes, &output)
    }

    mutating func open() {
        bytes.append(UInt8(ascii: "["))
        isFirst = true
    }

    mutating func close() {
        bytes.append(UInt8(ascii: "]"))
        isFirst = false
    }

    private mutating func next() {
        if isFirst { isFirst = false } else { bytes.append(UInt8(ascii: ",")) }
    }

    mutating func string(_ text: String) {
        next()
        bytes.appendJSONString(text, style: Self.style)
    }

    mutating func optionalString(_ text: String?) {
        if let text { string(text) } else { null() }
    }

    mutating func null() { literal("null") }

    mutating func bool(_ value: Bool) { literal(value ? "true" : "false") }

    private mutating func literal(_ text: StaticString) {
        next()
        bytes.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func integer(_ value: Int64) {
        next()
        bytes.appendJSONInteger(value)
    }

    mutating func strings(_ texts: [String]) {
        openColumn()
        for text in texts { string(text) }
        close()
    }

    mutating func openColumn() {
        next()
        open()
    }

    mutating func json(_ value: JSON) {
        next()
        value.write(to: &bytes, style: Self.style)
    }

    /// Embedded JSON as the value that it is; `null` if the text is not JSON.
    mutating func embedded(_ text: String?) {
        guard let text, let value = try? JSON(parsing: text) else { return null() }
        json(value)
    }
}
