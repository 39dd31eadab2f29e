internal import Glibc

/// An open log file. Belongs to whoever holds its lock; every call may block on the disk.
struct LogFile: ~Copyable {
    private let configuration: LogFileConfiguration
    private var descriptor: Int32
    private var size = 0
    private var replacedAt = Int.max
    /// Whether the last write broke off inside a line.
    private var isTorn = false

    /// Opens the file, or creates it.
    init(_ configuration: LogFileConfiguration, now: Int) throws(LogError) {
        self.configuration = configuration
        descriptor = try LogFile.open(
            configuration.path, truncating: configuration.truncates)
        measure(now: now)
    }

    deinit { close(descriptor) }

    private static func open(_ path: String, truncating: Bool) throws(LogError) -> Int32 {
        let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY
        let descriptor = Glibc.open(path, truncating ? flags | O_TRUNC : flags, 0o644)
        guard descriptor >= 0 else {
            throw LogError(path: path, reason: String(cString: strerror(errno)))
        }
        return descriptor
    }

    private mutating func measure(now: Int) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return }
        size = status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : 0
        guard case .time(let schedule, _) = configuration.rotation else { return }
        // A file that was begun before a restart is replaced when it would have been.
        replacedAt = schedule.next(after: size > 0 ? Int(status.st_mtim.tv_sec) : now)
    }

    /// Opens the file anew, since somebody may have moved it. A failure keeps the one that is open.
    mutating func reopen(now: Int) throws(LogError) {
        let fresh = try LogFile.open(configuration.path, truncating: false)
        close(descriptor)
        descriptor = fresh
        isTorn = false
        measure(now: now)
    }

    /// Writes whole lines. Returns how many of them were lost, with the reason.
    mutating func write(_ lines: [UInt8], now: Int) -> (lost: Int, code: Int32)? {
        if configuration.isWatched { reopenIfMoved(now: now) }
        if now >= replacedAt, case .time(let schedule, let backups) = configuration.rotation {
            replaceByTime(schedule, backups: backups, now: now)
        }
        guard case .size(let bytesMax, let backups) = configuration.rotation else {
            return append(lines[...])
        }
        var rest = lines[...]
        while !rest.isEmpty {
            if size + rest.count > bytesMax {
                let fitting = wholeLines(of: rest, within: bytesMax - size)
                if fitting == 0 && size > 0 {
                    replaceBySize(backups: backups)
                    if size > 0 { return append(rest) }  // It could not be replaced.
                    continue
                }
                // A line that is longer than a file may be gets a file of its own.
                let count = fitting > 0 ? fitting : firstLine(of: rest)
                if let failure = append(rest.prefix(count)) {
                    return (failure.lost + newlines(rest.dropFirst(count)), failure.code)
                }
                rest = rest.dropFirst(count)
            } else {
                return append(rest)
            }
        }
        return nil
    }

    private mutating func append(_ lines: ArraySlice<UInt8>) -> (lost: Int, code: Int32)? {
        if isTorn {
            var newline = UInt8(ascii: "\n")
            guard Glibc.write(descriptor, &newline, 1) == 1 else {
                return (newlines(lines), errno)
            }
            isTorn = false
        }
        var rest = lines
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                let code = errno
                if code == EAGAIN {
                    // Somebody made the terminal non-blocking; waiting is this thread's job.
                    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    if poll(&entry, 1, 1000) > 0 { continue }
                }
                isTorn = rest.startIndex > lines.startIndex && lines[rest.startIndex - 1] != 10
                return (newlines(rest), code)
            }
            size += count
            rest = rest.dropFirst(count)
        }
        return nil
    }

    private mutating func reopenIfMoved(now: Int) {
        var there = stat()
        var here = stat()
        let isSame =
            stat(configuration.path, &there) == 0 && fstat(descriptor, &here) == 0
            && there.st_ino == here.st_ino && there.st_dev == here.st_dev
        guard !isSame else { return }
        // If it cannot be opened, lines go on into the moved file.
        try? reopen(now: now)
    }

    /// `log` becomes `log.1`, `log.1` becomes `log.2` and so on.
    private mutating func replaceBySize(backups: Int) {
        let path = configuration.path
        for number in stride(from: backups - 1, to: 0, by: -1) {
            rename("\(path).\(number)", "\(path).\(number + 1)")
        }
        rename(path, "\(path).1")
        try? reopen(now: 0)  // Otherwise lines go on into the renamed file.
    }

    private mutating func replaceByTime(_ schedule: LogSchedule, backups: Int, now: Int) {
        let path = configuration.path
        rename(path, "\(path).\(schedule.ending(replacedAt: replacedAt))")
        try? reopen(now: now)  // Otherwise lines go on into the renamed file.
        replacedAt = schedule.next(after: now)
        if backups > 0 { removeOldest(keeping: backups) }
    }

    /// Endings of replaced files begin with a year, so their order by name is that by time.
    private func removeOldest(keeping backups: Int) {
        let path = configuration.path
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { String(path[...$0]) } ?? "./"
        let prefix = (slash.map { String(path[path.index(after: $0)...]) } ?? path) + "."
        guard let directory = opendir(folder) else { return }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            let ending = name.dropFirst(prefix.count)
            let isBackup =
                name.hasPrefix(prefix) && ending.count >= 10
                && ending.allSatisfy { $0.isASCII && ($0.isNumber || $0 == "-" || $0 == "_") }
            if isBackup { names.append(name) }
        }
        for name in names.sorted().dropLast(backups) { unlink(folder + name) }
    }

    private func wholeLines(of bytes: ArraySlice<UInt8>, within limit: Int) -> Int {
        guard limit > 0 else { return 0 }
        let newline = bytes.prefix(limit).lastIndex(of: UInt8(ascii: "\n"))
        return newline.map { $0 - bytes.startIndex + 1 } ?? 0
    }

    private func firstLine(of bytes: ArraySlice<UInt8>) -> Int {
        let newline = bytes.firstIndex(of: UInt8(ascii: "\n"))
        return newline.map { $0 - bytes.startIndex + 1 } ?? bytes.count
    }

    private func newlines(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.reduce(0) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 }
    }
}

/// Why a log cannot be written.
public struct LogError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The log file.
    public let path: String
    /// The system's reason.
    public let reason: String

    /// One line for people.
    public var description: String { "\(path): the log cannot be opened: \(reason)" }
}
