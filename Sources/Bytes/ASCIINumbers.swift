extension UInt64 {
    /// Reads a whole span of ASCII digits. `nil` if it is empty, holds anything else (a sign, a
    /// space), or does not fit.
    public init?(ascii digits: RawSpan) {
        guard digits.byteCount > 0 else { return nil }
        var value: UInt64 = 0
        for offset in 0..<digits.byteCount {
            let byte = digits.byte(offset)
            guard byte.isASCIIDigit else { return nil }
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            let (sum, carry) = scaled.addingReportingOverflow(UInt64(byte &- 0x30))
            guard !carry else { return nil }
            value = sum
        }
        self = value
    }
}

extension Int64 {
    /// Reads a whole span of ASCII digits with an optional leading minus. `nil` for anything else.
    public init?(ascii digits: RawSpan) {
        guard digits.byteCount > 0 else { return nil }
        let negative = digits.byte(0) == UInt8(ascii: "-")
        guard let magnitude = UInt64(ascii: digits.extracting(droppingFirst: negative ? 1 : 0))
        else { return nil }
        if negative {
            guard magnitude <= UInt64(Int64.max) + 1 else { return nil }
            self = Int64(truncatingIfNeeded: 0 &- magnitude)
        } else {
            guard magnitude <= UInt64(Int64.max) else { return nil }
            self = Int64(magnitude)
        }
    }
}

extension Array<UInt8> {
    /// Appends the decimal digits of `value`, without making a string.
    @inlinable
    public mutating func appendDecimal(_ value: some FixedWidthInteger) {
        withDecimalDigits(of: value) { append(contentsOf: $0) }
    }
}

/// Lends the decimal digits of `value`. At most 20 digits and a sign, on the stack.
@inlinable @inline(__always)
func withDecimalDigits<Result>(
    of value: some FixedWidthInteger, _ body: (UnsafeRawBufferPointer) -> Result
) -> Result {
    var magnitude = UInt64(value.magnitude)
    var digits = [24 of UInt8](repeating: 0)
    var start = 24
    repeat {
        start -= 1
        let (quotient, remainder) = magnitude.quotientAndRemainder(dividingBy: 10)
        digits[start] = UInt8(truncatingIfNeeded: remainder) &+ 0x30
        magnitude = quotient
    } while magnitude != 0
    if value < 0 {
        start -= 1
        digits[start] = UInt8(ascii: "-")
    }
    return digits.span.extracting(start..<24).withUnsafeBytes(body)
}
