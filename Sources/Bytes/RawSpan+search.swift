internal import Glibc

extension RawSpan {
    /// The byte at `offset`, which must lie inside the span.
    @inlinable @inline(__always)
    public func byte(_ offset: Int) -> UInt8 {
        // One comparison; the standard library's checks are several.
        precondition(UInt(bitPattern: offset) < UInt(bitPattern: byteCount), "outside the span")
        return unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    /// The offset of the first `needle` at or after `start`, or `nil`. Costs one `memchr(3)`.
    public func firstIndex(of needle: UInt8, from start: Int = 0) -> Int? {
        precondition(start >= 0 && start <= byteCount, "start outside the span")
        return withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, start < bytes.count else { return nil }
            guard let hit = memchr(base + start, Int32(needle), bytes.count - start) else {
                return nil
            }
            return UnsafeRawPointer(hit) - base
        }
    }

    /// Whether the bytes are exactly those of `text`.
    public func equals(_ text: StaticString) -> Bool {
        withUnsafeBytes { bytes in
            guard bytes.count == text.utf8CodeUnitCount else { return false }
            guard let base = bytes.baseAddress else { return true }
            return memcmp(base, text.utf8Start, bytes.count) == 0
        }
    }

    /// Whether the bytes are those of `other`.
    public func equals(_ other: RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        return withUnsafeBytes { left in
            other.withUnsafeBytes { right in
                guard let a = left.baseAddress, let b = right.baseAddress else { return true }
                return memcmp(a, b, left.count) == 0
            }
        }
    }

    /// Whether the bytes are those of `text`, ASCII letters compared without case.
    public func equalsIgnoringCase(_ text: StaticString) -> Bool {
        guard byteCount == text.utf8CodeUnitCount else { return false }
        for offset in 0..<byteCount
        where byte(offset).asciiLowercased != text.utf8Start[offset].asciiLowercased {
            return false
        }
        return true
    }

    /// Whether the span begins with the bytes of `text`.
    public func starts(with text: StaticString) -> Bool {
        byteCount >= text.utf8CodeUnitCount
            && extracting(first: text.utf8CodeUnitCount).equals(text)
    }

    /// The bytes as text; what is not UTF-8 is replaced by U+FFFD.
    public var string: String {
        withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    /// The bytes as text, or `nil` if they are not UTF-8.
    public var validatedString: String? {
        withUnsafeBytes { String(validating: $0, as: UTF8.self) }
    }

    /// A copy of the bytes.
    public var array: [UInt8] {
        withUnsafeBytes { [UInt8]($0) }
    }
}

extension UInt8 {
    /// The lower-case form of an ASCII letter; any other byte unchanged.
    @inlinable @inline(__always)
    public var asciiLowercased: UInt8 {
        self &- 0x41 < 26 ? self | 0x20 : self
    }

    /// Whether the byte is an ASCII digit.
    @inlinable @inline(__always)
    public var isASCIIDigit: Bool { self &- 0x30 < 10 }
}
