package import Glibc
package import Logging

/// One event on its way to a log, with everything that a format may ask for.
package struct LogRecord {
    var time: timespec
    var name: String
    var level: Logger.Level
    var message: String
    var metadata: Logger.Metadata
    var file: String
    var function: String
    var line: UInt

    package init(
        time: timespec, name: String, level: Logger.Level, message: String,
        metadata: Logger.Metadata, file: String, function: String, line: UInt
    ) {
        self.time = time
        self.name = name
        self.level = level
        self.message = message
        self.metadata = metadata
        self.file = file
        self.function = function
        self.line = line
    }

    /// The time of day now.
    package static func now() -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time
    }

    var milliseconds: Int { time.tv_nsec / 1_000_000 }

    var created: Double { Double(time.tv_sec) + Double(time.tv_nsec) / 1e9 }

    /// `Sync.swift` of `Services/Sync.swift`.
    var fileName: String {
        file.lastIndex(of: "/").map { String(file[file.index(after: $0)...]) } ?? file
    }

    /// `Sync` of `Services/Sync.swift`.
    var module: String {
        let name = fileName
        return name.firstIndex(of: ".").map { String(name[..<$0]) } ?? name
    }
}
