import Glibc
import Logging
import Testing

@testable import Observability

private let record = LogRecord(
    time: timespec(tv_sec: 1_491_004_800, tv_nsec: 7_891_000), name: "beamline.sync",
    level: .notice,
    message: "woken", metadata: ["request": "GET-12", "user": "@a:b"], file: "Services/Sync.swift",
    function: "wake()", line: 42)

private func rendered(_ format: String, _ record: LogRecord) throws -> String {
    let bytes = try LogFormat(format, dateFormat: "%Y").render(record)
    return String(decoding: bytes, as: UTF8.self)
}

@Suite struct LogFormatTests {
    @Test(arguments: [
        (
            "%(name)s - %(lineno)d - %(levelname)s - %(request)s - %(message)s",
            "beamline.sync - 42 - INFO - GET-12 - woken user=@a:b\n"
        ),
        (
            "%(levelname)-8s|%(levelname)8s|%(levelname).2s|%(lineno)05d|%(lineno)-5d|",
            "INFO    |    INFO|IN|00042|42   |\n"
        ),
        (
            "100%% %(filename)s %(module)s %(funcName)s %(pathname)s",
            "100% Sync.swift Sync wake() Services/Sync.swift\n"
        ),
        (
            "%(msecs)03d %(created)f %(created).1f %(levelno)s",
            "007 1491004800.007891 1491004800.0 25\n"
        ),
        (
            "%(lineno).0f %(lineno).20f %(msecs).0f %(msecs).1f %(created).0f",
            "42 42.000000000 8 7.9 1491004800\n"
        ),
        ("%(nothing)s %(user)s %(asctime)s", "- @a:b 2017\n"),
        ("", "\n"),
    ])
    func placeholdersAreFilledAsInPython(format: String, expected: String) throws {
        let line = try rendered(format, record)
        #expect(line == expected)
    }

    @Test func aLargeNumberHasRoomForItsFraction() throws {
        let line = try rendered("%(thread)f|%(thread).9f", record)
        let parts = line.dropLast().split(separator: "|").map { $0.split(separator: ".") }
        #expect(parts.map { $0.last } == ["000000", "000000000"])
        #expect(parts[0].first == parts[1].first)
    }

    @Test func timeHasMillisecondsUnlessADateFormatIsGiven() throws {
        let format = try LogFormat("%(asctime)s", dateFormat: nil)
        let line = String(decoding: format.render(record), as: UTF8.self)
        #expect(line.hasSuffix(":00,007\n") && line.hasPrefix("2017-0"))
        #expect(line.utf8.count == "2017-04-01 00:00:00,007\n".utf8.count)
    }

    @Test func controlCharactersCannotForgeLines() throws {
        var hostile = record
        hostile.message = "a\n2017 - root - ERROR\r\u{1b}[31m\u{0}\t\u{7f}"
        hostile.metadata = ["user": "x\ny"]
        #expect(
            try rendered("%(message)s", hostile)
                == "a\n    2017 - root - ERROR\\x0d\\x1b[31m\\x00\t\\x7f user=x\\ny\n")
    }

    @Test(arguments: ["%", "%(", "%(name", "%(name)", "%(name)q", "%s", "%(name)5", "%(name)-"])
    func brokenFormatsAreRefused(format: String) {
        #expect(throws: LogFormat.FormatError.self) { try LogFormat(format, dateFormat: nil) }
    }

    @Test func hugeWidthsAreBounded() throws {
        #expect(try rendered("%(name)999999999999999999s", record).utf8.count == 1001)
    }
}

@Suite struct LogScheduleTests {
    /// Saturday, 2017-04-01 12:34:56 UTC.
    private let noon = 1_491_050_096

    @Test(arguments: [
        ("S", 5, 1_491_050_101, "2017-04-01_12-34-56"), ("M", 1, 1_491_050_156, "2017-04-01_12-34"),
        ("h", 2, 1_491_057_296, "2017-04-01_12"), ("D", 1, 1_491_136_496, "2017-04-01"),
        ("midnight", 1, 1_491_091_200, "2017-04-01"), ("W5", 1, 1_491_091_200, "2017-03-26"),
        ("W6", 1, 1_491_177_600, "2017-03-27"), ("W0", 1, 1_491_264_000, "2017-03-28"),
    ])
    func replacementIsWherePythonHasIt(
        when: String, interval: Int, next: Int, ending: String
    ) throws {
        let schedule = try #require(LogSchedule(when: when, interval: interval, isUTC: true))
        #expect(schedule.next(after: noon) == next)
        #expect(schedule.ending(replacedAt: next) == ending)
    }

    @Test(arguments: ["", "X", "W7", "W", "midnigh"])
    func unknownUnitsAreRefused(when: String) {
        #expect(LogSchedule(when: when, interval: 1, isUTC: true) == nil)
    }
}
