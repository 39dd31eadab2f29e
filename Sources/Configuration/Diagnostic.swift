public import YAML

/// One remark about a configuration, as people read it: `file:line: key: what is wrong, expected …`.
public struct Diagnostic: Sendable, Hashable, CustomStringConvertible {
    /// How much a remark weighs.
    public enum Severity: String, Sendable, Hashable, Comparable {
        /// The process cannot start with this.
        case error
        /// The process starts, but not as the writer probably meant.
        case warning
        /// Worth knowing, for example a key that has no effect here.
        case info

        /// Orders by weight, the heaviest first.
        public static func < (left: Severity, right: Severity) -> Bool {
            left.rank < right.rank
        }

        private var rank: Int {
            switch self {
            case .error: 0
            case .warning: 1
            case .info: 2
            }
        }
    }

    /// How much the remark weighs.
    public let severity: Severity
    /// Where the value, or else the key or the file, is written.
    public let position: SourcePosition
    /// The key with those around it: `listeners[0].port`; empty for the file as a whole.
    public let key: String
    /// What is wrong and what was expected.
    public let message: String

    /// A remark.
    public init(
        _ severity: Severity, at position: SourcePosition, key: String, _ message: String
    ) {
        self.severity = severity
        self.position = position
        self.key = key
        self.message = message
    }

    /// `file:line: key: message`.
    public var description: String {
        key.isEmpty ? "\(position): \(message)" : "\(position): \(key): \(message)"
    }
}

/// Every mistake that was found in a configuration, not only the first.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    /// All remarks, errors first, each group in the order of the files.
    public let diagnostics: [Diagnostic]

    /// The remarks that kept the configuration from being used.
    public var errors: [Diagnostic] { diagnostics.filter { $0.severity == .error } }

    /// The errors, a line each.
    public var description: String { errors.map(\.description).joined(separator: "\n") }

    init(_ diagnostics: [Diagnostic]) { self.diagnostics = diagnostics }
}

/// Collects remarks while a configuration is read.
final class Report {
    private(set) var diagnostics: [Diagnostic] = []

    var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }

    /// The remarks by weight, then by place in the files, which come in their order.
    func sorted(files: [String]) -> [Diagnostic] {
        let order = Dictionary(
            zip(files, 0...), uniquingKeysWith: { first, _ in first })
        return diagnostics.enumerated().sorted { left, right in
            let (one, other) = (left.element, right.element)
            guard one.severity == other.severity else { return one.severity < other.severity }
            let places = [one, other].map { order[$0.position.file] ?? -1 }
            return (places[0], one.position.line, left.offset)
                < (places[1], other.position.line, right.offset)
        }.map(\.element)
    }

    func add(
        _ severity: Diagnostic.Severity, at position: SourcePosition, key: String, _ message: String
    ) {
        diagnostics.append(Diagnostic(severity, at: position, key: key, message))
    }
}
