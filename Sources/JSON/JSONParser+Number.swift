extension JSONParser {
    /// Parses a number; any other first byte is an error.
    mutating func parseNumber() throws(ParseError) -> JSON {
        let start = offset
        let isNegative = byte(at: offset) == UInt8(ascii: "-")
        if isNegative { offset += 1 }
        guard offset < end else { throw failure(.unexpectedEnd) }
        guard isDigit(at: offset) else {
            throw failure(isNegative ? .invalidNumber : .unexpectedByte)
        }
        var value: Int64 = 0
        var overflows = false
        if byte(at: offset) == UInt8(ascii: "0") {
            offset += 1
            guard !isDigit(at: offset) else { throw failure(.invalidNumber) }
        } else {
            while isDigit(at: offset) {
                // Accumulated on the negative side, which holds one value more.
                let digit = Int64(byte(at: offset) - UInt8(ascii: "0"))
                let (product, tooBig) = value.multipliedReportingOverflow(by: 10)
                let (sum, tooBigStill) = product.subtractingReportingOverflow(digit)
                overflows = overflows || tooBig || tooBigStill
                value = sum
                offset += 1
            }
        }
        let isInteger = try !skipFractionAndExponent()
        if isInteger, !overflows, isNegative || value != .min {
            return .integer(isNegative ? value : -value)
        }
        return try parseDouble(from: start)
    }

    /// True if there was a fraction or an exponent.
    private mutating func skipFractionAndExponent() throws(ParseError) -> Bool {
        let start = offset
        if offset < end, byte(at: offset) == UInt8(ascii: ".") {
            offset += 1
            try skipDigits()
        }
        if offset < end, byte(at: offset) | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if offset < end,
                byte(at: offset) == UInt8(ascii: "+") || byte(at: offset) == UInt8(ascii: "-")
            {
                offset += 1
            }
            try skipDigits()
        }
        return offset > start
    }

    /// Skips digits, of which there must be one.
    private mutating func skipDigits() throws(ParseError) {
        guard offset < end else { throw failure(.unexpectedEnd) }
        guard isDigit(at: offset) else { throw failure(.invalidNumber) }
        while isDigit(at: offset) { offset += 1 }
    }

    private func parseDouble(from start: Int) throws(ParseError) -> JSON {
        let text = bytes.extracting(start..<offset).withUnsafeBytes {
            String(decoding: $0, as: UTF8.self)
        }
        // The standard library's conversion does not look at the locale.
        guard let value = Double(text), value.isFinite else {
            throw ParseError(offset: start, reason: .numberOutOfRange)
        }
        return .double(value)
    }

    private func isDigit(at offset: Int) -> Bool {
        guard offset < end else { return false }
        return (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte(at: offset))
    }
}
