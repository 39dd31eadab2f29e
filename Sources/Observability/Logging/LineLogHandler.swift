internal import Logging
internal import Synchronization

/// A named logger with its way to the outputs, worked out once instead of at every call.
final class LoggerNode: Sendable {
    struct Target: Sendable {
        let level: LogLevel
        let format: LogFormat
        let output: LogOutput
    }

    struct Routing: Sendable {
        var level = LogLevel.warning
        var targets: [Target] = []
    }

    let name: String
    private let routing: Mutex<Routing>
    /// The threshold on its own, so that a call below it takes no lock.
    private let threshold: Atomic<Int>

    init(name: String, _ routing: Routing) {
        self.name = name
        self.routing = Mutex(routing)
        threshold = Atomic(routing.level.number)
    }

    var level: LogLevel { LogLevel(number: threshold.load(ordering: .relaxed)) }

    var targets: [Target] { routing.withLock { $0.targets } }

    func route(_ fresh: Routing) {
        routing.withLock { $0 = fresh }
        threshold.store(fresh.level.number, ordering: .relaxed)
    }
}

/// Renders events and queues them. Never touches a file.
struct LineLogHandler: LogHandler {
    let node: LoggerNode
    let writer: LogWriter
    /// A level that the program set on this logger; the configuration's level otherwise.
    private var ownLevel: Logger.Level?
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(node: LoggerNode, writer: LogWriter) {
        self.node = node
        self.writer = writer
    }

    var logLevel: Logger.Level {
        get { ownLevel ?? node.level.threshold }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let level = LogLevel(event.level)
        // A threshold above CRITICAL silences a logger, which swift-log cannot express.
        guard ownLevel != nil || level >= node.level else { return }
        var all = metadata
        if let metadataProvider { all.merge(metadataProvider.get()) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        var message = event.message.description
        if let error = event.error { message += ": \(error)" }
        let record = LogRecord(
            time: LogRecord.now(), name: node.name, level: event.level, message: message,
            metadata: all, file: event.file, function: event.function, line: event.line)
        // An error's line is wanted even if it is the process's last.
        let isUrgent = level >= .warning
        var isWakingNeeded = isUrgent
        for target in node.targets where level >= target.level {
            if target.output.append(target.format.render(record)) { isWakingNeeded = true }
        }
        if isWakingNeeded { writer.signal(urgently: isUrgent) }
    }
}
