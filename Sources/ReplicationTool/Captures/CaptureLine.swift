internal import Bytes

/// One line of a recorded session: `<epoch> <connection> <direction> <line>`.
struct CaptureLine: Equatable {
    enum Direction: UInt8 {
        case fromMain = 0x3E
        case fromWorker = 0x3C
        case event = 0x2A
    }

    /// Why a line of a file is none of a capture, or none that a main may have sent.
    struct Mistake: Error, Equatable {
        let text: String
        init(_ text: String) { self.text = text }
    }

    /// When, in milliseconds since 1970.
    let milliseconds: Int64
    let connection: Int
    let direction: Direction
    /// Where what was sent begins.
    let start: Int

    /// Reads a line without its end; nil for an empty line and a remark: `# text`, or
    /// `<epoch> # text`.
    init?(parsing line: RawSpan) throws(Mistake) {
        let space = UInt8(ascii: " ")
        guard line.byteCount > 0, line.byte(0) != UInt8(ascii: "#") else { return nil }
        let first = line.firstIndex(of: space) ?? line.byteCount
        if first + 1 < line.byteCount, line.byte(first + 1) == UInt8(ascii: "#") { return nil }
        guard first < line.byteCount,
            let second = line.firstIndex(of: space, from: first + 1),
            line.byteCount > second + 2, line.byte(second + 2) == space
        else { throw Mistake("expected '<epoch> <connection> <direction> <line>'") }
        guard let time = Self.milliseconds(line.extracting(first: first)) else {
            throw Mistake("the time is not in seconds since 1970, as 1795412993.272")
        }
        guard let wide = Int64(ascii: line.extracting(first + 1..<second)), wide >= 0,
            let number = Int(exactly: wide)
        else {
            throw Mistake("the connection is no number")
        }
        guard let direction = Direction(rawValue: line.byte(second + 1)) else {
            throw Mistake("the direction is none of >, < and *")
        }
        milliseconds = time
        connection = number
        self.direction = direction
        start = second + 3
    }

    private static func milliseconds(_ text: RawSpan) -> Int64? {
        let point = text.firstIndex(of: UInt8(ascii: ".")) ?? text.byteCount
        guard let seconds = Int64(ascii: text.extracting(first: point)),
            (0..<1 << 50).contains(seconds)
        else { return nil }
        var thousandths: Int64 = 0
        for place in 1...3 {
            thousandths *= 10
            guard point + place < text.byteCount else { continue }
            let digit = text.byte(point + place)
            guard digit.isASCIIDigit else { return nil }
            thousandths += Int64(digit - UInt8(ascii: "0"))
        }
        for offset in min(point + 4, text.byteCount)..<text.byteCount {
            guard text.byte(offset).isASCIIDigit else { return nil }
        }
        return seconds * 1000 + thousandths
    }
}
