internal import Logging
public import YAML

/// What a Python logging file says, as far as it matters here.
///
/// Understood are `version`, `formatters` (%-style), `handlers` (streams, files, rotating files by
/// size and by time, and memory handlers, which pass through to their target), `loggers` with
/// `propagate`, and `root`. Filters and `disable_existing_loggers` are accepted without effect.
public struct LoggingConfiguration: Sendable {
    /// One entry of `handlers`.
    struct Handler: Sendable {
        var name: String
        var level = LogLevel.notSet
        var format = LogFormat.bare
        var destination: Destination
    }

    /// Where a handler writes.
    enum Destination: Sendable {
        case standardOutput
        case standardError
        case file(LogFileConfiguration)
        /// A memory handler writes where another handler does.
        case handler(String)
        case nowhere
    }

    /// One entry of `loggers`, or `root`.
    struct LoggerEntry: Sendable {
        var level = LogLevel.notSet
        var handlers: [String] = []
        var propagates = true
    }

    var handlers: [String: Handler] = [:]
    var loggers: [String: LoggerEntry] = [:]
    var root = LoggerEntry(level: .warning)
    /// What in the file deserves a warning.
    public internal(set) var remarks: [LoadError] = []

    init() {}

    /// Everything from INFO on to standard error: what a process has without a log configuration.
    public static let standard = LoggingConfiguration(to: .standardError)

    /// Everything from INFO on to one file.
    public static func file(_ path: String) -> LoggingConfiguration {
        LoggingConfiguration(to: .file(LogFileConfiguration(path: path)))
    }

    /// Gives each file that is logged to another path.
    public mutating func renameFiles(_ rename: (String) -> String) {
        for (name, handler) in handlers {
            guard case .file(var file) = handler.destination else { continue }
            file.path = rename(file.path)
            handlers[name]?.destination = .file(file)
        }
    }

    private init(to destination: Destination) {
        handlers = [
            "main": Handler(name: "main", format: .precise, destination: destination)
        ]
        root = LoggerEntry(level: .info, handlers: ["main"])
    }

    /// Reads a file. Blocks on the disk.
    public init(contentsOf path: String) throws(LoggingConfigurationError) {
        let document: Document
        do {
            document = try Document(contentsOf: path)
        } catch {
            throw LoggingConfigurationError(problems: [error])
        }
        var reader = LoggingConfigurationReader(document: document)
        self = try reader.read()
    }

    /// Reads a text that stands for a file of this name.
    public init(parsing text: String, file: String) throws(LoggingConfigurationError) {
        let document: Document
        do {
            document = try Document(parsing: text, file: file)
        } catch {
            throw LoggingConfigurationError(problems: [error])
        }
        var reader = LoggingConfigurationReader(document: document)
        self = try reader.read()
    }
}

/// Everything that is wrong with a log configuration.
public struct LoggingConfigurationError: Error, Sendable, CustomStringConvertible {
    /// The mistakes with their places.
    public let problems: [LoadError]

    /// `file:line: key: what is wrong, what was expected`, a line each.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// A file that is logged to, and when it is replaced by a new one.
struct LogFileConfiguration: Sendable, Hashable {
    enum Rotation: Sendable, Hashable {
        case never
        /// When the next line would make the file larger than this.
        case size(bytesMax: Int, backups: Int)
        /// At points in time.
        case time(LogSchedule, backups: Int)
    }

    var path: String
    /// Whether the file is emptied when the process starts.
    var truncates = false
    var rotation = Rotation.never
    /// Whether somebody else moves the file away without telling.
    var isWatched = false
}
