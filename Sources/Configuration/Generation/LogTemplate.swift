internal import YAML

/// A Python logging file with the usual format.
public struct LogTemplate: Sendable, Hashable {
    /// The log file.
    public var file: String
    /// The level of everything that has none of its own.
    public var level: String
    /// Whether the log is also shown on the terminal.
    public var isOnConsole: Bool

    /// A log into a file that is replaced at midnight.
    public init(file: String, level: String = "INFO", isOnConsole: Bool = true) {
        self.file = file
        self.level = level
        self.isOnConsole = isOnConsole
    }

    /// The file's text.
    public var yaml: String {
        """
        # Log configuration, in the format of Python's logging.config.dictConfig.
        # Send the process a SIGHUP after you have moved a log file away.

        version: 1

        formatters:
          precise:
            format: '%(asctime)s - %(name)s - %(lineno)d - %(levelname)s - %(request)s - %(message)s'

        handlers:
          file:
            class: logging.handlers.TimedRotatingFileHandler
            formatter: precise
            filename: \(scalar(file))
            when: midnight
            backupCount: 3
            encoding: utf8
          console:
            class: logging.StreamHandler
            formatter: precise

        loggers:
          # Each logger may have a level of its own.
          beamline.storage:
            level: INFO

        root:
          level: \(level)
          handlers: [\(isOnConsole ? "file, console" : "file")]

        disable_existing_loggers: false

        """
    }
}
