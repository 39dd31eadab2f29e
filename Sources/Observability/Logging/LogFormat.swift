internal import Glibc

/// A format string of Python's logging, taken apart once.
package struct LogFormat: Sendable {
    /// What `%(name)s` may name, or a key of the record's metadata.
    enum Field: Sendable, Hashable {
        case asctime, created, msecs, relativeCreated
        case name, levelname, levelno, message
        case pathname, filename, module, funcName, lineno
        case process, processName, thread, threadName
        case metadata(String)
    }

    /// `%(name)-8s`: a field with its width and kind.
    struct Placeholder: Sendable {
        var field: Field
        var isLeftAligned = false
        var padding: UInt8 = UInt8(ascii: " ")
        var width = 0
        var precision: Int?
        var conversion: UInt8
    }

    enum Piece: Sendable {
        case literal([UInt8])
        case placeholder(Placeholder)
    }

    let pieces: [Piece]
    /// The argument of strftime for `%(asctime)s`; nil is Python's own with milliseconds.
    let dateFormat: String?
    /// Metadata keys that have a place of their own and are not repeated after the message.
    let placedKeys: Set<String>
    /// Rendered once for all lines of a second.
    let second = SecondText()

    /// Python's default shows nothing but the message.
    static let bare = LogFormat(
        pieces: [.placeholder(Placeholder(field: .message, conversion: UInt8(ascii: "s")))],
        dateFormat: nil)

    /// The format of Synapse's sample configuration.
    static let precise: LogFormat = {
        let text =
            "%(asctime)s - %(name)s - %(lineno)d - %(levelname)s - %(request)s - %(message)s"
        // The text is a constant that the parser knows; the bare format is never reached.
        return (try? LogFormat(text, dateFormat: nil)) ?? .bare
    }()

    private init(pieces: [Piece], dateFormat: String?) {
        self.pieces = pieces
        self.dateFormat = dateFormat
        var keys: Set<String> = []
        for case .placeholder(let placeholder) in pieces {
            if case .metadata(let key) = placeholder.field { keys.insert(key) }
        }
        placedKeys = keys
    }

    /// Takes a format apart.
    package init(_ text: String, dateFormat: String?) throws(FormatError) {
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                literal.append(byte)
                continue
            }
            if rest.first == UInt8(ascii: "%") {
                literal.append(byte)
                rest.removeFirst()
                continue
            }
            if !literal.isEmpty { pieces.append(.literal(literal)) }
            literal = []
            pieces.append(.placeholder(try LogFormat.placeholder(&rest)))
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
        self.init(pieces: pieces, dateFormat: dateFormat)
    }

    package struct FormatError: Error {
        let problem: String
    }

    /// What follows a `%`.
    private static func placeholder(
        _ rest: inout ArraySlice<UInt8>
    ) throws(FormatError) -> Placeholder {
        guard rest.popFirst() == UInt8(ascii: "("),
            let close = rest.firstIndex(of: UInt8(ascii: ")"))
        else { throw FormatError(problem: "has a % that is not followed by (name)") }
        let name = String(decoding: rest[..<close], as: UTF8.self)
        rest = rest[(close + 1)...]
        var made = Placeholder(field: field(name), conversion: 0)
        while let flag = rest.first, "-+ #0".utf8.contains(flag) {
            if flag == UInt8(ascii: "-") { made.isLeftAligned = true }
            if flag == UInt8(ascii: "0") { made.padding = flag }
            rest.removeFirst()
        }
        made.width = number(&rest)
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            made.precision = number(&rest)
        }
        guard let conversion = rest.popFirst(), "sdifr".utf8.contains(conversion) else {
            throw FormatError(problem: "has %(\(name)) without one of s, d, i, f, r after it")
        }
        made.conversion = conversion
        return made
    }

    private static func number(_ rest: inout ArraySlice<UInt8>) -> Int {
        var value = 0
        while let digit = rest.first, digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") {
            // A width is a matter of columns; a thousand of them is a mistake.
            value = min(value * 10 + Int(digit - UInt8(ascii: "0")), 1000)
            rest.removeFirst()
        }
        return value
    }

    private static func field(_ name: String) -> Field {
        switch name {
        case "asctime": .asctime
        case "created": .created
        case "msecs": .msecs
        case "relativeCreated": .relativeCreated
        case "name": .name
        case "levelname": .levelname
        case "levelno": .levelno
        case "message": .message
        case "pathname": .pathname
        case "filename": .filename
        case "module": .module
        case "funcName": .funcName
        case "lineno": .lineno
        case "process": .process
        case "processName": .processName
        case "thread": .thread
        case "threadName", "taskName": .threadName
        default: .metadata(name)
        }
    }
}
