import Glibc
import TestSupport
import Testing

@testable import Observability

@Suite struct LogFileTests {
    private func lines(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func fileIsReplacedBeforeItGrowsTooLarge() throws {
        let folder = Folder()
        var file = try LogFile(
            LogFileConfiguration(
                path: "\(folder.path)/log", rotation: .size(bytesMax: 10, backups: 2)), now: 0)
        #expect(file.write(lines("aaaa\nbbbb\ncccc\n"), now: 0) == nil)
        #expect(file.write(lines("dddd\neeeeeeeeeeeeeeeee\nffff\n"), now: 0) == nil)
        #expect(folder.names == ["log", "log.1", "log.2"])
        #expect(folder.text("log.2") == "cccc\ndddd\n")
        #expect(folder.text("log.1") == "eeeeeeeeeeeeeeeee\n")
        #expect(folder.text("log") == "ffff\n")
    }

    @Test func fileIsReplacedInTimeAndOldOnesGo() throws {
        let folder = Folder()
        let schedule = try #require(LogSchedule(when: "midnight", interval: 1, isUTC: true))
        let day = 86400
        var file = try LogFile(
            LogFileConfiguration(
                path: "\(folder.path)/log", rotation: .time(schedule, backups: 2)), now: 10)
        for number in 0..<5 {
            #expect(file.write(lines("\(number)\n"), now: 20 + number * day) == nil)
        }
        #expect(folder.names == ["log", "log.1970-01-03", "log.1970-01-04"])
        #expect(folder.text("log.1970-01-04") == "3\n")
        #expect(folder.text("log") == "4\n")
    }

    @Test func movedFileIsLeftOnReopening() throws {
        let folder = Folder()
        let path = "\(folder.path)/log"
        var file = try LogFile(LogFileConfiguration(path: path), now: 0)
        #expect(file.write(lines("one\n"), now: 0) == nil)
        rename(path, "\(path).old")
        #expect(file.write(lines("two\n"), now: 0) == nil)
        try file.reopen(now: 0)
        #expect(file.write(lines("three\n"), now: 0) == nil)
        #expect(folder.text("log.old") == "one\ntwo\n")
        #expect(folder.text("log") == "three\n")
    }

    @Test func watchedFileIsFollowed() throws {
        let folder = Folder()
        let path = "\(folder.path)/log"
        var file = try LogFile(LogFileConfiguration(path: path, isWatched: true), now: 0)
        #expect(file.write(lines("one\n"), now: 0) == nil)
        rename(path, "\(path).old")
        #expect(file.write(lines("two\n"), now: 0) == nil)
        #expect(folder.text("log") == "two\n")
    }

    @Test func fileIsEmptiedOnlyWhereAsked() throws {
        let folder = Folder()
        let path = "\(folder.path)/log"
        for (truncates, expected) in [(false, "x\n"), (false, "x\nx\n"), (true, "x\n")] {
            var file = try LogFile(
                LogFileConfiguration(path: path, truncates: truncates), now: 0)
            #expect(file.write(lines("x\n"), now: 0) == nil)
            #expect(folder.text("log") == expected)
        }
    }

    @Test func fullDiskIsReportedAndSurvived() throws {
        var file = try LogFile(LogFileConfiguration(path: "/dev/full"), now: 0)
        let failure = file.write(lines("one\ntwo\n"), now: 0)
        #expect(failure?.lost == 2 && failure?.code == ENOSPC)
    }

    /// A quota, or `ulimit -f`: with SIGXFSZ ignored, as servers have it, that is an error like a full disk.
    @Test func fileThatMayNotGrowLosesLinesUntilItMay() async throws {
        await #expect(processExitsWith: .success) {
            signal(SIGXFSZ, SIG_IGN)
            let folder = Folder()
            var file = try LogFile(LogFileConfiguration(path: "\(folder.path)/log"), now: 0)
            #expect(file.write(Array("first\n".utf8), now: 0) == nil)
            var limit = rlimit()
            let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
            getrlimit(resource, &limit)
            let before = limit.rlim_cur
            limit.rlim_cur = 9
            try #require(setrlimit(resource, &limit) == 0)
            let failure = file.write(Array("second\nthird\n".utf8), now: 0)
            #expect(failure?.lost == 2 && failure?.code == EFBIG)
            limit.rlim_cur = before
            try #require(setrlimit(resource, &limit) == 0)
            // What was written of a line is ended before the next one.
            #expect(file.write(Array("fourth\n".utf8), now: 0) == nil)
            #expect(folder.text("log") == "first\nsec\nfourth\n")
        }
    }

    @Test func fileThatCannotBeOpenedIsNamed() {
        let error = #expect(throws: LogError.self) {
            _ = try LogOutput(LogFileConfiguration(path: "/nonexistent/log"))
        }
        #expect(
            error?.description
                == "/nonexistent/log: the log cannot be opened: No such file or directory")
    }
}

@Suite struct LogOutputTests {
    @Test func linesBeyondTheQueueAreCountedAndTold() throws {
        let folder = Folder()
        let output = try LogOutput(LogFileConfiguration(path: "\(folder.path)/log"))
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20) + [10]
        #expect(output.append(line))
        for _ in 0..<5 { #expect(!output.append(line)) }
        output.drain()
        #expect(output.lost == 3)
        let text = folder.text("log")
        #expect(text.hasPrefix("(3 lines of the log were lost here: the log was too slow)\nxxx"))
        #expect(output.append([10]))
        output.drain()
        #expect(output.lost == 3 && folder.text("log").utf8.count == text.utf8.count + 1)
    }

    @Test func fullDiskLosesLinesAndNothingElse() throws {
        let output = try LogOutput(LogFileConfiguration(path: "/dev/full"))
        for expected in 1...3 {
            #expect(output.append(Array("line\n".utf8)))
            output.drain()
            #expect(output.lost == expected)
        }
    }
}
