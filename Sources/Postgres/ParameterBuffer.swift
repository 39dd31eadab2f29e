internal import Bytes
internal import Glibc

/// One statement's parameters as libpq takes them; used again for the next statement.
///
/// Everything but `bytea` goes in the text form, which the server converts to the type that it
/// inferred. The binary form of a bigint would not go into an integer column.
struct ParameterBuffer: ~Copyable {
    private var bytes: [UInt8] = []
    private var offsets: [Int] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []
    private var pointers: [UnsafePointer<CChar>?] = []

    mutating func encode(_ values: [PostgresValue]) {
        bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 20)
        offsets.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        formats.removeAll(keepingCapacity: true)
        for value in values {
            let start = bytes.count
            var isBinary = false
            switch value {
            case .null: break
            case .text(let text): bytes.append(contentsOf: text.utf8)
            case .bytes(let value):
                bytes.append(contentsOf: value)
                isBinary = true
            case .integer(let value): bytes.appendDecimal(value)
            case .double(let value): bytes.append(contentsOf: value.description.utf8)
            case .bool(let value): bytes.append(value ? 0x74 : 0x66)
            case .textArray(let values): appendArray(values) { $1.appendQuoted($0) }
            case .optionalTextArray(let values):
                appendArray(values) { value, bytes in
                    if let value {
                        bytes.appendQuoted(value)
                    } else {
                        bytes.append(contentsOf: "NULL".utf8)
                    }
                }
            case .integerArray(let values): appendArray(values) { $1.appendDecimal($0) }
            case .boolArray(let values): appendArray(values) { $1.append($0 ? 0x74 : 0x66) }
            case .bytesArray(let values): appendArray(values) { $1.appendHexadecimal($0) }
            }
            offsets.append(value == .null ? -1 : start)
            lengths.append(Int32(truncatingIfNeeded: bytes.count - start))
            formats.append(isBinary ? 1 : 0)
            // libpq finds the end of text by its zero byte.
            bytes.append(0)
        }
    }

    /// Lends count, values, lengths and formats.
    mutating func withPointers(
        _ body: (
            Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?,
            UnsafePointer<Int32>?
        ) -> Int32
    ) -> Int32 {
        if offsets.isEmpty { return body(0, nil, nil, nil) }
        let offsets = offsets
        return bytes.withUnsafeBytes { buffer in
            pointers.removeAll(keepingCapacity: true)
            for offset in offsets {
                pointers.append(
                    offset < 0
                        ? nil
                        : buffer.baseAddress?.advanced(by: offset)
                            .assumingMemoryBound(to: CChar.self))
            }
            return body(Int32(offsets.count), pointers, lengths, formats)
        }
    }

    private mutating func appendArray<Element>(
        _ elements: [Element], _ append: (Element, inout [UInt8]) -> Void
    ) {
        bytes.append(UInt8(ascii: "{"))
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(element, &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }
}

extension [UInt8] {
    /// An element of an array's text form; in quotes it may be anything.
    fileprivate mutating func appendQuoted(_ text: String) {
        append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                append(UInt8(ascii: "\\"))
            }
            append(byte)
        }
        append(UInt8(ascii: "\""))
    }

    /// An element of an array of bytea: `"\\x…"`.
    fileprivate mutating func appendHexadecimal(_ value: [UInt8]) {
        append(contentsOf: "\"\\\\x".utf8)
        let digits: StaticString = "0123456789abcdef"
        for byte in value {
            append(digits.utf8Start[Int(byte >> 4)])
            append(digits.utf8Start[Int(byte & 15)])
        }
        append(UInt8(ascii: "\""))
    }
}

extension PostgresValue {
    /// Whether it holds text with a zero byte, which PostgreSQL's text cannot.
    var holdsZeroByte: Bool {
        switch self {
        case .text(let text): text.holdsZeroByte
        case .textArray(let values): values.contains(where: \.holdsZeroByte)
        case .optionalTextArray(let values): values.contains { $0?.holdsZeroByte ?? false }
        case .null, .bytes, .integer, .double, .bool, .integerArray, .boolArray, .bytesArray: false
        }
    }
}

extension String {
    var holdsZeroByte: Bool {
        utf8.withContiguousStorageIfAvailable { buffer in
            buffer.baseAddress.map { memchr($0, 0, buffer.count) != nil } ?? false
        } ?? utf8.contains(0)
    }
}
