internal import YAML

/// Reads where one handler writes, by its class.
struct LogHandlerReader {
    let key: String
    let mapping: Mapping
    let position: SourcePosition
    private(set) var problems: [LoadError] = []

    init(key: String, mapping: Mapping, position: SourcePosition) {
        self.key = key
        self.mapping = mapping
        self.position = position
    }

    mutating func destination(_ kind: Node) -> LoggingConfiguration.Destination {
        switch kind.string {
        case "logging.StreamHandler": return stream()
        case "logging.NullHandler": return .nowhere
        case "logging.FileHandler": return file(.never)
        case "logging.handlers.WatchedFileHandler": return file(.never, isWatched: true)
        case "logging.handlers.RotatingFileHandler":
            let size = integer("maxBytes", default: 0, in: 0...(1 << 50))
            let backups = integer("backupCount", default: 0, in: 0...10_000)
            // Python never rotates where it could not keep what it rotates away.
            guard size > 0 && backups > 0 else { return file(.never) }
            return file(.size(bytesMax: size, backups: backups))
        case "logging.handlers.TimedRotatingFileHandler":
            let backups = integer("backupCount", default: 0, in: 0...10_000)
            guard let schedule = schedule() else { return .nowhere }
            return file(.time(schedule, backups: backups))
        case "logging.handlers.MemoryHandler",
            "synapse.logging.handlers.PeriodicallyFlushingMemoryHandler":
            guard let target = mapping["target"], !target.isNull else {
                problem("target", "is missing", "the name of a handler")
                return .nowhere
            }
            return .handler(target.text)
        default:
            fail(
                kind, "class",
                "one of logging.StreamHandler, logging.FileHandler, "
                    + "logging.handlers.RotatingFileHandler, "
                    + "logging.handlers.TimedRotatingFileHandler, "
                    + "logging.handlers.WatchedFileHandler, logging.handlers.MemoryHandler, "
                    + "synapse.logging.handlers.PeriodicallyFlushingMemoryHandler, "
                    + "logging.NullHandler")
            return .nowhere
        }
    }

    private mutating func stream() -> LoggingConfiguration.Destination {
        guard let node = mapping["stream"], !node.isNull else { return .standardError }
        switch node.string {
        case "ext://sys.stdout": return .standardOutput
        case "ext://sys.stderr": return .standardError
        default:
            fail(node, "stream", "ext://sys.stdout or ext://sys.stderr")
            return .nowhere
        }
    }

    private mutating func file(
        _ rotation: LogFileConfiguration.Rotation, isWatched: Bool = false
    ) -> LoggingConfiguration.Destination {
        guard let node = mapping["filename"], !node.isNull else {
            problem("filename", "is missing", "a path")
            return .nowhere
        }
        guard let path = node.string, !path.isEmpty else {
            fail(node, "filename", "a path")
            return .nowhere
        }
        return .file(
            LogFileConfiguration(
                path: path, truncates: mapping["mode"]?.string?.hasPrefix("w") == true,
                rotation: rotation, isWatched: isWatched))
    }

    private mutating func schedule() -> LogSchedule? {
        let isUTC = mapping["utc"]?.bool ?? false
        let interval = integer("interval", default: 1, in: 1...100_000)
        let when = mapping["when"]?.text ?? "H"
        if let schedule = LogSchedule(when: when, interval: interval, isUTC: isUTC) {
            return schedule
        }
        if let node = mapping["when"] {
            fail(node, "when", "one of S, M, H, D, midnight, W0 to W6")
        }
        return nil
    }

    private mutating func integer(
        _ name: String, default usual: Int, in range: ClosedRange<Int>
    ) -> Int {
        guard let node = mapping[name], !node.isNull else { return usual }
        if let value = node.integer, range.contains(Int(value)) { return Int(value) }
        fail(node, name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        return usual
    }

    private mutating func fail(_ node: Node, _ name: String, _ expected: String) {
        problems.append(
            LoadError(
                "\(key).\(name): is \(node.summary), expected \(expected)", at: node.position))
    }

    private mutating func problem(_ name: String, _ wrong: String, _ expected: String) {
        problems.append(LoadError("\(key).\(name): \(wrong), expected \(expected)", at: position))
    }
}
