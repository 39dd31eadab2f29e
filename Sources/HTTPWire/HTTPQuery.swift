internal import Bytes

/// The parameters of a request's query, in the order in which they came, decoded when asked for.
///
/// A parameter is decoded as HTML forms encode it (`+` is a space). One whose encoding is broken or
/// not UTF-8 is treated as absent.
public struct HTTPQuery: Sendable, Hashable {
    let storage: [UInt8]

    /// The query with the given bytes, which exclude the question mark.
    public init(_ encoded: [UInt8]) { storage = encoded }

    /// The query as it was sent, still encoded.
    public var encoded: String { storage.span.bytes.string }

    /// The value of the first parameter of that name; empty if it was given without a value.
    public func first(named name: String) -> String? {
        var cursor = 0
        while let pair = next(&cursor) {
            if isNamed(pair.name, name), let value = text(pair.value) { return value }
        }
        return nil
    }

    /// The values of all parameters of that name, in order.
    public func all(named name: String) -> [String] {
        var values: [String] = []
        var cursor = 0
        while let pair = next(&cursor) {
            if isNamed(pair.name, name), let value = text(pair.value) { values.append(value) }
        }
        return values
    }

    /// All parameters, decoded.
    public var pairs: [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        var cursor = 0
        while let pair = next(&cursor) {
            if let name = text(pair.name), let value = text(pair.value) {
                pairs.append((name, value))
            }
        }
        return pairs
    }

    private func next(_ cursor: inout Int) -> (name: Slice, value: Slice)? {
        let bytes = storage.span.bytes
        while cursor < storage.count {
            let start = cursor
            let end = bytes.firstIndex(of: UInt8(ascii: "&"), from: start) ?? storage.count
            cursor = end + 1
            if start == end { continue }
            if let equals = bytes.firstIndex(of: UInt8(ascii: "="), from: start), equals < end {
                return (Slice(start, equals), Slice(equals + 1, end))
            }
            return (Slice(start, end), Slice(end, end))
        }
        return nil
    }

    private func text(_ slice: Slice) -> String? {
        PercentEncoding.decodeText(storage.span.bytes.slice(slice), plusIsSpace: true)
    }

    private func isNamed(_ slice: Slice, _ name: String) -> Bool {
        let bytes = storage.span.bytes.slice(slice)
        if bytes.byteCount == name.utf8.count {
            var offset = 0
            for byte in name.utf8 {
                let written = bytes.byte(offset)
                if (written == UInt8(ascii: "+") ? Syntax.space : written) != byte { break }
                offset += 1
            }
            if offset == bytes.byteCount { return true }
        }
        // Names are nearly always written plainly; one with percent signs is longer than the name.
        return bytes.byteCount > name.utf8.count && text(slice) == name
    }
}
