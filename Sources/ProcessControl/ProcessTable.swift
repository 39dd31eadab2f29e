internal import CProcess
internal import Glibc

/// What the system knows about processes that need not be our children.
public enum ProcessTable {
    /// Whether a process is running. One that has ended and only waits to be reaped is not.
    public static func isAlive(_ pid: Int32) -> Bool {
        guard pid > 0 else { return false }
        if kill(pid, 0) != 0 && errno == ESRCH { return false }
        guard let columns = statColumns(of: pid), let state = columns.first else { return false }
        guard state == "Z" || state == "X" else { return true }
        // Its first thread has ended. Until the others have too, files and their locks are still held.
        return columns.count > 17 && (Int(columns[17]) ?? 1) > 1
    }

    /// Sends a signal.
    public static func signal(_ pid: Int32, _ signal: Int32) throws(ProcessControlError) {
        // 0 and negative numbers are whole groups of processes, which nobody means here.
        guard pid > 0 else { throw ProcessControlError(system: EINVAL, "process \(pid)") }
        guard kill(pid, signal) == 0 else {
            throw ProcessControlError(system: errno, "process \(pid) cannot be signalled")
        }
    }

    /// Waits until a process has ended. Returns whether it has.
    public static func waitForExit(of pid: Int32, within timeout: Duration) -> Bool {
        let deadline = ContinuousClock.now + timeout
        let descriptor = cprocess_pidfd(pid)
        defer { if descriptor >= 0 { close(descriptor) } }
        while isAlive(pid) {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { return false }
            // A process in a container may have an identity that we must not watch: then we look
            // now and again.
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let pause = descriptor >= 0 ? left : min(left, .milliseconds(20))
            poll(&entry, descriptor >= 0 ? 1 : 0, pause.millisecondsRoundedUp)
            // A zombie's descriptor is ready at once, and so is its state.
        }
        return true
    }

    /// When a process started, in seconds since 1970, by the clock of today.
    static func startSeconds(of pid: Int32) -> Double? {
        guard let columns = statColumns(of: pid), columns.count > 19,
            let ticks = Double(columns[19]),
            let text = contents(of: "/proc/stat", bytesMax: 1 << 20),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let boot = Double(line.dropFirst(6))
        else { return nil }
        return boot + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// How many threads this process has.
    static var threadCount: Int {
        guard let directory = opendir("/proc/self/task") else { return 1 }
        defer { closedir(directory) }
        var count = -2
        while readdir(directory) != nil { count += 1 }
        return count
    }

    /// The columns of `/proc/PID/stat` after the program's name, which may contain anything.
    private static func statColumns(of pid: Int32) -> [Substring]? {
        guard let text = contents(of: "/proc/\(pid)/stat", bytesMax: 4096),
            let close = text.lastIndex(of: ")")
        else { return nil }
        return text[text.index(after: close)...].split(separator: " ")
    }
}

extension Duration {
    /// For poll(2): never 0 for what is left, so that a wait does not become a spin.
    var millisecondsRoundedUp: Int32 {
        let (seconds, attoseconds) = components
        let unit: Int64 = 1_000_000_000_000_000
        return Int32(clamping: seconds * 1000 + (attoseconds + unit - 1) / unit)
    }
}

/// The beginning of a file as text, or nil where it cannot be read.
func contents(of path: String, bytesMax: Int) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while bytes.count < bytesMax {
        let count = read(descriptor, &chunk, min(chunk.count, bytesMax - bytes.count))
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { return nil }
        if count == 0 { break }
        bytes.append(contentsOf: chunk[..<count])
    }
    return String(decoding: bytes, as: UTF8.self)
}
