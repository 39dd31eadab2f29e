import Glibc
import Logging
import TestSupport
import Testing

@testable import Observability

@Suite struct LogSystemTests {
    /// A system that writes `name level message` lines into `log` of a folder.
    private func system(_ folder: Folder, _ loggers: String) throws -> LogSystem {
        try LogSystem(LoggingConfiguration(parsing: text(folder, loggers), file: "log.yaml"))
    }

    private func text(_ folder: Folder, _ loggers: String) -> String {
        """
        version: 1
        formatters: {plain: {format: '%(name)s %(levelname)s %(message)s'}}
        filters: {context: {(): synapse.util.logcontext.LoggingContextFilter, request: ""}}
        handlers:
          file:
            class: logging.FileHandler
            formatter: plain
            filters: [context]
            filename: \(folder.path)/log
          other:
            class: logging.handlers.RotatingFileHandler
            formatter: plain
            filename: \(folder.path)/other
            maxBytes: 104857600
            backupCount: 10
            level: ERROR
          buffer:
            class: synapse.logging.handlers.PeriodicallyFlushingMemoryHandler
            target: other
            capacity: 10
            flushLevel: 30
            period: 5
        \(loggers)
        """
    }

    @Test func levelsAreInheritedDownTheNames() throws {
        let folder = Folder()
        let system = try system(
            folder,
            """
            loggers:
              beamline.sync: {level: DEBUG}
              beamline.sync.quiet: {level: CRITICAL}
            root: {level: WARNING, handlers: [file]}
            """)
        for name in [
            "beamline.sync", "beamline.sync.x.y", "beamline.sync.quiet", "beamline.syncer",
        ] {
            let logger = system.logger(name)
            logger.debug("debug")
            logger.error("error")
        }
        #expect(system.flush())
        #expect(
            folder.text("log") == """
                beamline.sync DEBUG debug
                beamline.sync ERROR error
                beamline.sync.x.y DEBUG debug
                beamline.sync.x.y ERROR error
                beamline.syncer ERROR error

                """)
    }

    @Test func recordsReachTheHandlersAboveUnlessStopped() throws {
        let folder = Folder()
        let system = try system(
            folder,
            """
            loggers:
              beamline.access: {handlers: [buffer], propagate: false}
              beamline.push: {handlers: [buffer]}
            root: {level: INFO, handlers: [file]}
            """)
        for name in ["beamline.access.http", "beamline.push", "beamline"] {
            system.logger(name).info("info")
            system.logger(name).error("error")
        }
        #expect(system.flush())
        #expect(
            folder.text("log") == """
                beamline.push INFO info
                beamline.push ERROR error
                beamline INFO info
                beamline ERROR error

                """)
        #expect(
            folder.text("other")
                == "beamline.access.http ERROR error\nbeamline.push ERROR error\n")
    }

    @Test func namesOfSynapseHoldForOurs() throws {
        let folder = Folder()
        let system = try system(
            folder,
            """
            loggers:
              synapse.storage: {level: DEBUG}
              synapse: {level: ERROR}
              beamline.storage.sql: {level: ERROR}
            root: {level: INFO, handlers: [file]}
            """)
        #expect(system.logger("beamline.storage").logLevel == .debug)
        #expect(system.logger("beamline.storage.sql").logLevel == .error)
        #expect(system.logger("beamline").logLevel == .error)
        #expect(system.logger("other").logLevel == .info)
    }

    @Test func levelsChangeUnderLoggersInUse() throws {
        let folder = Folder()
        let system = try system(folder, "root: {level: ERROR, handlers: [file]}")
        let logger = system.logger("beamline.x")
        logger.info("before")
        try system.reconfigure(
            LoggingConfiguration(
                parsing: text(folder, "root: {level: INFO, handlers: [file]}"), file: "log.yaml"))
        logger.info("after")
        #expect(system.flush())
        #expect(folder.text("log") == "beamline.x INFO after\n")
    }

    @Test func reopeningFollowsAMovedFile() throws {
        let folder = Folder()
        let system = try system(folder, "root: {level: INFO, handlers: [file]}")
        system.logger("a").info("one")
        #expect(system.flush())
        rename("\(folder.path)/log", "\(folder.path)/log.old")
        #expect(system.reopen().isEmpty)
        system.logger("a").info("two")
        #expect(system.flush())
        #expect(folder.text("log.old") == "a INFO one\n")
        #expect(folder.text("log") == "a INFO two\n")
    }

    @Test func linesOfManyThreadsStayWhole() async throws {
        let folder = Folder()
        let system = try system(folder, "root: {level: INFO, handlers: [file]}")
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<8 {
                group.addTask {
                    let logger = system.logger("w\(writer)")
                    for number in 0..<500 { logger.info("\(number)") }
                }
            }
        }
        #expect(system.flush())
        let lines = folder.text("log").split(separator: "\n")
        #expect(lines.count == 4000 && system.lostLines == 0)
        for writer in 0..<8 {
            let own = lines.filter { $0.hasPrefix("w\(writer) ") }
            #expect(own == (0..<500).map { "w\(writer) INFO \($0)" })
        }
    }

    @Test func thresholdIsTheLowestLevelThatPasses() {
        for number in 0...50 {
            let passing = Logger.Level.allCases.sorted().first { LogLevel($0).number >= number }
            #expect(LogLevel(number: number).threshold == passing)
        }
        #expect(LogLevel(number: 99).threshold == .critical)
    }

    @Test func metadataAndErrorsAreShown() throws {
        let folder = Folder()
        let system = try system(folder, "root: {level: INFO, handlers: [file]}")
        var logger = system.logger("a")
        logger[metadataKey: "room"] = "!r:b"
        logger.info("sent", metadata: ["count": "2"])
        #expect(system.flush())
        #expect(folder.text("log") == "a INFO sent count=2 room=!r:b\n")
    }
}
