internal import Bytes

extension HTTPHeaders {
    /// Whether `Accept-Encoding` allows gzip and does not prefer the plain body (RFC 9110, section
    /// 12.5.3). Without the field the answer is no: clients that say nothing often cannot inflate.
    public var prefersGzip: Bool {
        var gzip: Int?
        var identity: Int?
        var anything: Int?
        for index in 0..<count
        where name(at: index).equalsIgnoringCase("accept-encoding") {
            let value = value(at: index)
            var list = TokenList(value)
            while let element = list.next() {
                let item = value.slice(element)
                let nameEnd = item.firstIndex(of: UInt8(ascii: ";")) ?? item.byteCount
                let coding = item.slice(Slice(0, nameEnd).trimmed(in: item))
                guard let weight = Self.weight(item.extracting(nameEnd..<item.byteCount)) else {
                    continue
                }
                // What is named twice counts as the less of both.
                if coding.equalsIgnoringCase("gzip") || coding.equalsIgnoringCase("x-gzip") {
                    gzip = Swift.min(gzip ?? 1000, weight)
                } else if coding.equalsIgnoringCase("identity") {
                    identity = Swift.min(identity ?? 1000, weight)
                } else if coding.equals("*") {
                    anything = Swift.min(anything ?? 1000, weight)
                }
            }
        }
        let accepted = gzip ?? anything ?? 0
        return accepted > 0 && accepted >= identity ?? 0
    }

    /// The weight in thousandths of what stands behind a coding: nothing, or `;q=` and a number
    /// from 0 to 1 with three decimals at most. `nil` for anything else.
    private static func weight(_ bytes: RawSpan) -> Int? {
        guard bytes.byteCount > 0 else { return 1000 }
        let parameter = bytes.slice(Slice(1, bytes.byteCount).trimmed(in: bytes))
        guard (3...7).contains(parameter.byteCount),
            parameter.byte(0).asciiLowercased == UInt8(ascii: "q"),
            parameter.byte(1) == UInt8(ascii: "=")
        else { return nil }
        return number(parameter.extracting(2..<parameter.byteCount))
    }

    /// Reads `0`, `0.`, `0.123`, `1.000`.
    private static func number(_ digits: RawSpan) -> Int? {
        guard digits.byte(0) == 0x30 || digits.byte(0) == 0x31 else { return nil }
        var weight = Int(digits.byte(0) - 0x30) * 1000
        guard digits.byteCount > 1 else { return weight }
        guard digits.byte(1) == UInt8(ascii: ".") else { return nil }
        var place = 100
        for offset in 2..<digits.byteCount {
            guard digits.byte(offset).isASCIIDigit else { return nil }
            weight += Int(digits.byte(offset) - 0x30) * place
            place /= 10
        }
        return weight <= 1000 ? weight : nil
    }
}

extension HTTPHeaders {
    /// Whether a body that these fields describe is text of some kind, which shrinks, and nothing
    /// forbids another coding of it: no coding is there yet, no `no-transform`, no range, and no
    /// entity tag, which would have to differ between the codings.
    package var describeCompressibleBody: Bool {
        var isText = false
        for index in 0..<count {
            let name = name(at: index)
            let value = value(at: index)
            switch name.byteCount {
            case 4 where name.equalsIgnoringCase("etag"): return false
            case 12 where name.equalsIgnoringCase("content-type"):
                isText = Self.isText(value)
            case 13 where name.equalsIgnoringCase("cache-control"):
                var list = TokenList(value)
                while let element = list.next() {
                    if value.slice(element).equalsIgnoringCase("no-transform") { return false }
                }
            case 13 where name.equalsIgnoringCase("content-range"): return false
            case 16 where name.equalsIgnoringCase("content-encoding"): return false
            default: break
            }
        }
        return isText
    }

    private static func isText(_ contentType: RawSpan) -> Bool {
        let end = contentType.firstIndex(of: UInt8(ascii: ";")) ?? contentType.byteCount
        let type = contentType.slice(Slice(0, end).trimmed(in: contentType))
        let count = type.byteCount
        if count > 5, type.extracting(0..<5).equalsIgnoringCase("text/") { return true }
        if count > 5, type.extracting((count - 5)..<count).equalsIgnoringCase("+json") {
            return true
        }
        if count > 4, type.extracting((count - 4)..<count).equalsIgnoringCase("+xml") {
            return true
        }
        return type.equalsIgnoringCase("application/json")
            || type.equalsIgnoringCase("application/javascript")
            || type.equalsIgnoringCase("application/xml")
    }
}
