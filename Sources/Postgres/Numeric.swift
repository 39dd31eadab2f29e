/// A value of the type numeric: digits to the base 10,000.
///
/// The binary form: number of digits, weight of the first one, sign, digits after the point to show,
/// then the digits; 16 bits each.
struct Numeric {
    private let digits: [Int64]
    private let weight: Int
    private let sign: UInt16

    init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= 8 else { return nil }
        let count = Int(bytes.bigEndian(at: 0, as: UInt16.self))
        weight = Int(bytes.bigEndian(at: 2, as: Int16.self))
        sign = bytes.bigEndian(at: 4, as: UInt16.self)
        guard bytes.byteCount == 8 + 2 * count else { return nil }
        digits = (0..<count).map { Int64(bytes.bigEndian(at: 8 + 2 * $0, as: UInt16.self)) }
    }

    /// `nil` if it has a fraction, is too big or is no number.
    var integer: Int64? {
        guard sign == 0 || sign == 0x4000, weight < 5, weight >= -1 || digits.isEmpty else {
            return nil
        }
        // Counted downwards, where one more number fits.
        var value: Int64 = 0
        for position in 0...max(0, weight) where weight >= 0 && !digits.isEmpty {
            let digit = position < digits.count ? digits[position] : 0
            let (product, overflow) = value.multipliedReportingOverflow(by: 10_000)
            let (sum, again) = product.subtractingReportingOverflow(digit)
            guard !overflow, !again else { return nil }
            value = sum
        }
        guard digits.dropFirst(max(0, weight + 1)).allSatisfy({ $0 == 0 }) else { return nil }
        if sign == 0x4000 { return value }
        return value == .min ? nil : -value
    }

    var double: Double? {
        switch sign {
        case 0xC000: return .nan
        case 0xD000: return .infinity
        case 0xF000: return -.infinity
        default: break
        }
        // Through the decimal notation, so that rounding happens once.
        var text = sign == 0x4000 ? "-0." : "0."
        for digit in digits {
            let part = String(digit)
            text += String(repeating: "0", count: max(0, 4 - part.utf8.count)) + part
        }
        if digits.isEmpty { text += "0" }
        return Double(text + "e\((weight + 1) * 4)")
    }
}
