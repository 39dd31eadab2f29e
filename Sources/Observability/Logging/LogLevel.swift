internal import Logging

/// A level as Python counts them: a number, of which some have names.
struct LogLevel: Sendable, Hashable, Comparable {
    let number: Int

    static let notSet = LogLevel(number: 0)
    static let info = LogLevel(number: 20)
    static let warning = LogLevel(number: 30)

    init(number: Int) { self.number = number }

    /// Reads one of Python's names.
    init?(name: String) {
        switch name {
        case "NOTSET": number = 0
        case "DEBUG": number = 10
        case "INFO": number = 20
        case "WARNING", "WARN": number = 30
        case "ERROR": number = 40
        case "CRITICAL", "FATAL": number = 50
        default: return nil
        }
    }

    /// swift-log has two levels more than Python; they sit between its neighbours.
    init(_ level: Logger.Level) {
        switch level {
        case .trace: number = 5
        case .debug: number = 10
        case .info: number = 20
        case .notice: number = 25
        case .warning: number = 30
        case .error: number = 40
        case .critical: number = 50
        }
    }

    static func < (left: LogLevel, right: LogLevel) -> Bool { left.number < right.number }

    /// The lowest level of swift-log that passes this threshold.
    var threshold: Logger.Level {
        // Asked at every call of a logger, so it must not allocate.
        switch number {
        case ...5: .trace
        case ...10: .debug
        case ...20: .info
        case ...25: .notice
        case ...30: .warning
        case ...40: .error
        default: .critical
        }
    }

    /// The name that a log line shows; tools for Synapse's logs know only Python's.
    static func name(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "DEBUG"
        case .info, .notice: "INFO"
        case .warning: "WARNING"
        case .error: "ERROR"
        case .critical: "CRITICAL"
        }
    }
}
