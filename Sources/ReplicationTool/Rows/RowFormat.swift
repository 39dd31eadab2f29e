internal import JSON
internal import ReplicationWire

/// How a row is printed on its line.
struct RowFormat {
    enum Style {
        /// For people.
        case text(isColoured: Bool)
        /// For programs.
        case json
    }

    let style: Style
    let dialect: Dialect

    /// A line with its end.
    func line(
        _ row: ReplicationRow, of stream: StreamName, token: Int64, at time: WallTime
    ) -> String {
        let columns = row.columns(dialect: dialect)
        switch style {
        case .json: return Self.json(columns, stream, token, time)
        case .text(let isColoured):
            let paint = Paint(isOn: isColoured)
            // What is null says little, and takes the eye's time.
            let shown = columns.filter { !$0.value.isNull }.map {
                paint.faint("\($0.name)=") + Self.shown($0.value)
            }
            let place = [
                paint.faint(time.clock), paint.colour(stream.name.padded(to: 16), of: stream),
                String(token).padded(to: 8),
            ]
            return (place + shown).joined(separator: " ") + "\n"
        }
    }

    private static func json(
        _ columns: [Column], _ stream: StreamName, _ token: Int64, _ time: WallTime
    ) -> String {
        var writer = JSONWriter(reserving: 256)
        writer.beginObject()
        writer.member("time", raw: Array(time.epoch.utf8))
        writer.member("stream", string: stream.name)
        writer.member("token", .integer(token))
        // Not as a value, which would sort the columns.
        writer.key("row")
        writer.beginObject()
        for column in columns { writer.member(column.name, column.value) }
        writer.endObject()
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self) + "\n"
    }

    /// A value as a terminal can show it: bare where that is clear, else as JSON.
    static func shown(_ value: JSON) -> String {
        if let text = value.stringValue, !text.isEmpty,
            text.unicodeScalars.allSatisfy({ $0 != " " && $0 != "\"" && !$0.isDangerous })
        {
            return text
        }
        return value.description.unicodeScalars.map { scalar in
            scalar.isDangerous ? scalar.escape : String(scalar)
        }.joined()
    }
}

extension Unicode.Scalar {
    /// Whether it could move the cursor, or turn the direction of what follows: rows carry what
    /// strangers wrote.
    fileprivate var isDangerous: Bool {
        switch value {
        case ..<0x20, 0x7F...0x9F, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    fileprivate var escape: String {
        let digits = String(value, radix: 16)
        return "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

/// Escape sequences of a terminal, or none.
struct Paint {
    let isOn: Bool

    func faint(_ text: String) -> String { isOn ? "\u{1B}[2m\(text)\u{1B}[0m" : text }

    /// Each stream in a colour of its own, the same every time.
    func colour(_ text: String, of stream: StreamName) -> String {
        guard isOn else { return text }
        let sum = stream.name.utf8.reduce(0) { ($0 &* 31) &+ Int($1) }
        return "\u{1B}[\(31 + sum % 6)m\(text)\u{1B}[0m"
    }
}

extension String {
    /// The text with spaces up to a width.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }

    /// The text behind spaces up to a width.
    func leading(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - count)) + self
    }
}
