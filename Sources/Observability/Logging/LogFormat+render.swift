internal import Glibc
internal import Logging

extension LogFormat {
    /// The line of a record, with its end of line.
    package func render(_ record: LogRecord) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(160 + record.message.utf8.count)
        for piece in pieces {
            switch piece {
            case .literal(let bytes): line.append(contentsOf: bytes)
            case .placeholder(let placeholder): append(placeholder, of: record, to: &line)
            }
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    private func append(_ placeholder: Placeholder, of record: LogRecord, to line: inout [UInt8]) {
        let start = line.count
        appendValue(placeholder, of: record, to: &line)
        if let precision = placeholder.precision, placeholder.conversion == UInt8(ascii: "s"),
            line.count - start > precision
        {
            line.removeLast(line.count - start - precision)
        }
        let missing = placeholder.width - (line.count - start)
        guard missing > 0 else { return }
        if placeholder.isLeftAligned {
            line.append(contentsOf: repeatElement(UInt8(ascii: " "), count: missing))
        } else {
            let isNumber = placeholder.conversion != UInt8(ascii: "s")
            let padding = isNumber ? placeholder.padding : UInt8(ascii: " ")
            line.insert(contentsOf: repeatElement(padding, count: missing), at: start)
        }
    }

    private func appendValue(
        _ placeholder: Placeholder, of record: LogRecord, to line: inout [UInt8]
    ) {
        func number(_ value: Double) {
            if placeholder.conversion == UInt8(ascii: "f") {
                line.append(contentsOf: fixed(value, places: placeholder.precision ?? 6).utf8)
            } else {
                line.append(contentsOf: "\(Int(value))".utf8)
            }
        }
        func text(_ value: String) { appendClean(value, newline: "\\n", to: &line) }
        switch placeholder.field {
        case .asctime: appendTime(record, to: &line)
        case .created: number(record.created)
        case .msecs: number(Double(record.time.tv_nsec) / 1e6)
        case .relativeCreated: number((record.created - processStart) * 1000)
        case .name: text(record.name)
        case .levelname: text(LogLevel.name(of: record.level))
        case .levelno: number(Double(LogLevel(record.level).number))
        case .message: appendMessage(record, to: &line)
        case .pathname: text(record.file)
        case .filename: text(record.fileName)
        case .module: text(record.module)
        case .funcName: text(record.function)
        case .lineno: number(Double(record.line))
        case .process: number(Double(getpid()))
        case .processName: text("MainProcess")
        case .thread: number(Double(UInt(pthread_self()) % (1 << 53)))
        case .threadName: text("MainThread")
        case .metadata(let key): text(record.metadata[key].map { "\($0)" } ?? "-")
        }
    }

    /// Continuation lines are indented, so that no text from outside can pose as a line of the log.
    private func appendMessage(_ record: LogRecord, to line: inout [UInt8]) {
        appendClean(record.message, newline: "\n    ", to: &line)
        for (key, value) in record.metadata.sorted(by: { $0.key < $1.key })
        where !placedKeys.contains(key) {
            line.append(UInt8(ascii: " "))
            appendClean(key, newline: "\\n", to: &line)
            line.append(UInt8(ascii: "="))
            appendClean("\(value)", newline: "\\n", to: &line)
        }
    }

    private func appendTime(_ record: LogRecord, to line: inout [UInt8]) {
        line.append(contentsOf: second.text(record.time.tv_sec, dateFormat))
        guard dateFormat == nil else { return }
        let milliseconds = record.milliseconds
        line.append(UInt8(ascii: ","))
        line.append(UInt8(ascii: "0") + UInt8(milliseconds / 100))
        line.append(UInt8(ascii: "0") + UInt8(milliseconds / 10 % 10))
        line.append(UInt8(ascii: "0") + UInt8(milliseconds % 10))
    }

    /// Whole part and fraction apart: together, scaled, they may be more than an integer holds.
    private func fixed(_ value: Double, places: Int) -> String {
        let places = min(places, 9)
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        var whole = value.magnitude.rounded(.down)
        var fraction = ((value.magnitude - whole) * scale).rounded()
        if fraction >= scale {
            fraction = 0
            whole += 1
        }
        let sign = value < 0 ? "-" : ""
        guard places > 0 else { return "\(sign)\(Int(whole))" }
        let digits = "\(Int(fraction))"
        let zeros = String(repeating: "0", count: places - digits.count)
        return "\(sign)\(Int(whole)).\(zeros)\(digits)"
    }
}

/// When this module was first used, near enough the start of the process.
private let processStart: Double = {
    let now = LogRecord.now()
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}()

/// A time of day by a format of strftime.
func formattedTime(_ seconds: Int, _ format: String, isUTC: Bool) -> [UInt8] {
    var moment = time_t(seconds)
    var parts = tm()
    if isUTC { gmtime_r(&moment, &parts) } else { localtime_r(&moment, &parts) }
    var buffer = [CChar](repeating: 0, count: 200)
    let count = strftime(&buffer, buffer.count, format, &parts)
    return buffer[..<count].map { UInt8(bitPattern: $0) }
}

/// Text without control characters, which could rewrite the terminal of whoever reads the log.
private func appendClean(_ text: String, newline: StaticString, to line: inout [UInt8]) {
    // Nearly all texts are clean as they are.
    let isClean = text.utf8.withContiguousStorageIfAvailable { bytes in
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return false }
        line.append(contentsOf: bytes)
        return true
    }
    if isClean == true { return }
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "\n"):
            newline.withUTF8Buffer { line.append(contentsOf: $0) }
        case UInt8(ascii: "\t"): line.append(byte)
        case 0..<0x20, 0x7f:
            line.append(contentsOf: "\\x".utf8)
            let digits = String(byte, radix: 16)
            if digits.utf8.count == 1 { line.append(UInt8(ascii: "0")) }
            line.append(contentsOf: digits.utf8)
        default: line.append(byte)
        }
    }
}
