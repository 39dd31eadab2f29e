internal import Bytes

/// The part of a representation that a client asks for with `Range` (RFC 9110, section 14).
public enum ByteRange: Sendable, Hashable {
    /// All of it: nothing was asked for, or something that servers ignore.
    case whole
    /// These bytes, to be answered 206 with `Content-Range`.
    case part(Range<Int>)
    /// Bytes that are not there, to be answered 416 with `Content-Range: bytes */length`.
    case unsatisfiable

    /// Reads the field `Range` of a GET for a representation of `length` bytes. One range of bytes is
    /// understood; several, other units and what is malformed mean the whole, as the standard has it.
    public init(_ headers: HTTPHeaders, length: Int) {
        guard let index = headers.firstIndex(of: "range") else {
            self = .whole
            return
        }
        self = Self.read(headers.value(at: index), length: length)
    }

    private static func read(_ value: RawSpan, length: Int) -> ByteRange {
        guard value.byteCount > 6, value.extracting(0..<6).equalsIgnoringCase("bytes=") else {
            return .whole
        }
        let text = value.slice(Slice(6, value.byteCount).trimmed(in: value))
        guard let dash = text.firstIndex(of: UInt8(ascii: "-")) else { return .whole }
        let (first, last) = (
            text.extracting(0..<dash), text.extracting((dash + 1)..<text.byteCount)
        )
        guard isNumber(first), isNumber(last) else { return .whole }
        // What is too large for a number is beyond every length.
        let start = UInt64(ascii: first) ?? .max
        let end = UInt64(ascii: last) ?? .max
        if first.byteCount == 0 {
            guard last.byteCount > 0 else { return .whole }
            guard end > 0, length > 0 else { return .unsatisfiable }
            return .part((length - Int(min(end, UInt64(length))))..<length)
        }
        guard last.byteCount == 0 || start <= end else { return .whole }
        guard start < UInt64(length) else { return .unsatisfiable }
        guard last.byteCount > 0, end < UInt64(length) else { return .part(Int(start)..<length) }
        return .part(Int(start)..<(Int(end) + 1))
    }

    private static func isNumber(_ bytes: RawSpan) -> Bool {
        bytes.withUnsafeBytes { $0.allSatisfy(\.isASCIIDigit) }
    }
}
