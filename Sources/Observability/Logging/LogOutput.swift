internal import Glibc
internal import Synchronization

/// A queue of lines with the descriptor that they go to.
///
/// Threads append under a lock that nobody holds while writing, so appending costs a copy whatever
/// the disk does. The queue is bounded: what does not fit is counted and told later.
final class LogOutput: Sendable {
    /// Bytes that may wait for a slow disk.
    static let pendingBytesMax = 4 << 20

    private struct Pending {
        var lines: [UInt8] = []
        var dropped = 0
    }

    private enum Target: ~Copyable {
        case descriptor(Int32)
        case file(LogFile)
        case nowhere
    }

    private let pending = Mutex(Pending())
    private let target: Mutex<Target>
    private let lostLines = Atomic<Int>(0)
    private let untold = Mutex((lines: 0, code: Int32(0)))

    init(standard descriptor: Int32) { target = Mutex(.descriptor(descriptor)) }

    init(_ configuration: LogFileConfiguration) throws(LogError) {
        target = Mutex(.file(try LogFile(configuration, now: LogRecord.now().tv_sec)))
    }

    /// An output that takes everything and keeps nothing.
    init() { target = Mutex(.nowhere) }

    /// Lines that could not be written since the start.
    var lost: Int { lostLines.load(ordering: .relaxed) }

    /// Queues a line. Returns whether the queue was empty, so that its writer must be woken.
    func append(_ line: [UInt8]) -> Bool {
        pending.withLock { pending in
            guard pending.lines.count + line.count <= Self.pendingBytesMax else {
                pending.dropped += 1
                return false
            }
            let wasEmpty = pending.lines.isEmpty
            pending.lines.append(contentsOf: line)
            return wasEmpty
        }
    }

    /// Writes what is queued. May block on the disk; lines keep their order.
    func drain() {
        target.withLock { target in
            while true {
                let (lines, dropped) = pending.withLock { pending in
                    defer { pending = Pending() }
                    return (pending.lines, pending.dropped)
                }
                if dropped > 0 { count(dropped, code: EAGAIN) }
                guard !lines.isEmpty else { return }
                write(lines, to: &target)
            }
        }
    }

    private func write(_ lines: [UInt8], to target: inout Target) {
        let now = LogRecord.now().tv_sec
        let told = untold.withLock { untold in
            defer { untold = (0, 0) }
            return untold
        }
        var bytes = lines
        if told.lines > 0 {
            let reason =
                told.code == EAGAIN ? "the log was too slow" : String(cString: strerror(told.code))
            let note = "(\(told.lines) lines of the log were lost here: \(reason))\n"
            bytes.insert(contentsOf: note.utf8, at: 0)
        }
        let failure: (lost: Int, code: Int32)?
        switch consume target {
        case .nowhere:
            failure = nil
            target = .nowhere
        case .descriptor(let descriptor):
            failure = LogOutput.write(bytes, to: descriptor)
            target = .descriptor(descriptor)
        case .file(var file):
            failure = file.write(bytes, now: now)
            target = .file(file)
        }
        guard let failure, failure.lost > 0 else { return }
        // The note itself is a line; what it told is still untold.
        let isNoteLost = told.lines > 0 && failure.lost > lines.reduce(0) { $1 == 10 ? $0 + 1 : $0 }
        count(failure.lost - (isNoteLost ? 1 : 0), code: failure.code)
        if isNoteLost { untold.withLock { $0.lines += told.lines } }
    }

    private func count(_ lines: Int, code: Int32) {
        lostLines.wrappingAdd(lines, ordering: .relaxed)
        untold.withLock { $0 = ($0.lines + lines, code) }
    }

    private static func write(_ lines: [UInt8], to descriptor: Int32) -> (lost: Int, code: Int32)? {
        var rest = lines[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
                continue
            }
            if errno == EINTR { continue }
            let code = errno
            if code == EAGAIN {
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                if poll(&entry, 1, 1000) > 0 { continue }
            }
            return (rest.reduce(0) { $1 == 10 ? $0 + 1 : $0 }, code)
        }
        return nil
    }

    /// Opens a file anew after it was moved. A failure keeps the file that is open.
    func reopen() throws(LogError) {
        let now = LogRecord.now().tv_sec
        var failure: LogError?
        target.withLock { target in
            switch consume target {
            case .nowhere: target = .nowhere
            case .descriptor(let descriptor): target = .descriptor(descriptor)
            case .file(var file):
                do throws(LogError) { try file.reopen(now: now) } catch { failure = error }
                target = .file(file)
            }
        }
        if let failure { throw failure }
    }
}
