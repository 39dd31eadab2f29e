internal import Bytes
package import HTTPWire

/// Writes bytes one behind the other into memory that somebody has lent, and never beyond it.
package struct RawWriter: ~Copyable {
    private let start: UnsafeMutableRawPointer
    private let end: UnsafeMutableRawPointer
    private var cursor: UnsafeMutableRawPointer

    /// A writer into `memory`, which must stay where it is as long as the writer is used.
    @inline(__always)
    package init(_ memory: UnsafeMutableRawBufferPointer) {
        // There is no address only where there is no room either, and then nothing is written.
        let base = memory.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 1).unsafelyUnwrapped
        start = base
        cursor = base
        end = base + memory.count
    }

    /// The number of bytes written.
    @inline(__always)
    package var count: Int { cursor - start }

    /// The number of bytes that may still be written.
    @inline(__always)
    package var left: Int { end - cursor }

    @inline(__always)
    private mutating func append(_ bytes: UnsafeRawPointer, _ count: Int) {
        precondition(count <= end - cursor, "written beyond the end")
        cursor.copyMemory(from: bytes, byteCount: count)
        cursor += count
    }

    /// Appends a copy of `bytes`.
    @inline(__always)
    package mutating func append(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { if let base = $0.baseAddress { append(base, $0.count) } }
    }

    /// Appends a copy of `bytes`.
    @inline(__always)
    package mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { if let base = $0.baseAddress { append(base, $0.count) } }
    }

    /// Appends the bytes of a literal.
    @inline(__always)
    package mutating func append(_ text: StaticString) {
        append(text.utf8Start, text.utf8CodeUnitCount)
    }

    private mutating func appendDigit(_ digit: UInt16) {
        precondition(cursor < end, "written beyond the end")
        cursor.storeBytes(of: 0x30 &+ UInt8(truncatingIfNeeded: digit), as: UInt8.self)
        cursor += 1
    }

    /// Appends the status line, of HTTP/1.1.
    package mutating func appendStatusLine(_ status: HTTPStatus) {
        append("HTTP/1.1 ")
        appendDigit(status.code / 100)
        appendDigit(status.code / 10 % 10)
        appendDigit(status.code % 10)
        append(" ")
        append(status.reason)
        append("\r\n")
    }

    /// Appends `Content-Length` and, behind it, the empty line that ends a head.
    @inline(__always)
    package mutating func appendLengthAndEnd(_ length: Int) {
        precondition(length >= 0 && end - cursor >= 40, "written beyond the end")
        append("Content-Length: ")
        var rest = UInt(length)
        var digits = 1
        var power: UInt = 10
        while digits < 19, rest >= power {
            digits &+= 1
            power &*= 10
        }
        var place = digits
        while place > 0 {
            place &-= 1
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            cursor.storeBytes(
                of: 0x30 &+ UInt8(truncatingIfNeeded: digit), toByteOffset: place, as: UInt8.self)
            rest = quotient
        }
        cursor += digits
        cursor.storeBytes(of: UInt32(littleEndian: 0x0a0d_0a0d), as: UInt32.self)
        cursor += 4
    }
}
