internal import CProcess
internal import Glibc

/// The file with a running process's number, held by that process.
///
/// Besides the number the file carries a lock for as long as the process lives, so that a number
/// which the system has given to somebody else is never mistaken for the process. Other programs
/// that only read the number work as ever.
public final class PidFile: Sendable {
    /// What a pid file says about its process.
    public enum Status: Sendable, Hashable {
        /// There is no file.
        case absent
        /// The process is gone; the number, if the file has one, means nothing.
        case stale(pid: Int32?)
        /// The process is running.
        case running(pid: Int32)
    }

    /// The file's path.
    public let path: String
    private let descriptor: Int32

    private init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Looks at a pid file without changing it.
    public static func status(of path: String) throws(ProcessControlError) -> Status {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return .absent }
            throw ProcessControlError(system: errno, "\(path): cannot be read")
        }
        defer { close(descriptor) }
        let pid = number(in: descriptor)
        let isLocked = cprocess_is_locked(descriptor) > 0
        guard let pid else { return .stale(pid: nil) }
        if isLocked || isPlausible(pid, writer: descriptor) { return .running(pid: pid) }
        return .stale(pid: pid)
    }

    /// Writes this process's number and holds the file until the process ends.
    ///
    /// Call it after daemonising. A file that a dead process left behind is taken over. Throws
    /// `alreadyRunning` if the file's process is running.
    public static func claim(_ path: String) throws(ProcessControlError) -> PidFile {
        // Somebody may remove the file between our opening and our locking it.
        for _ in 0..<100 {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0o644)
            guard descriptor >= 0 else {
                throw ProcessControlError(system: errno, "\(path): cannot be written")
            }
            let file = PidFile(path: path, descriptor: descriptor)
            let code = cprocess_lock(descriptor)
            if code == EAGAIN { throw running(number(in: descriptor), path) }
            guard code == 0 else {
                throw ProcessControlError(system: code, "\(path): cannot be locked")
            }
            guard file.isInPlace else { continue }
            if let pid = number(in: descriptor), pid != getpid(),
                isPlausible(pid, writer: descriptor)
            {
                throw running(pid, path)
            }
            try file.write()
            return file
        }
        throw ProcessControlError(system: EBUSY, "\(path): is removed again and again")
    }

    /// Removes the file, if it is still the one that this process made.
    public func release() {
        if isInPlace { unlink(path) }
    }

    private static func running(_ pid: Int32?, _ path: String) -> ProcessControlError {
        let who = pid.map { "process \($0)" } ?? "another process"
        return ProcessControlError(.alreadyRunning, "already running as \(who) (\(path))", pid: pid)
    }

    /// Whether the path still leads to the file that we hold.
    private var isInPlace: Bool {
        var here = stat()
        var there = stat()
        return fstat(descriptor, &here) == 0 && stat(path, &there) == 0
            && here.st_ino == there.st_ino && here.st_dev == there.st_dev
    }

    /// The number is written before the rest is cut off, so that no reader finds the file empty.
    private func write() throws(ProcessControlError) {
        let text = Array("\(getpid())\n".utf8)
        guard pwrite(descriptor, text, text.count, 0) == text.count,
            ftruncate(descriptor, off_t(text.count)) == 0
        else { throw ProcessControlError(system: errno, "\(path): cannot be written") }
    }

    private static func number(in descriptor: Int32) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        let line = bytes[..<count].split(separator: UInt8(ascii: "\n")).first ?? []
        let text = String(decoding: line, as: UTF8.self).filter { $0 != " " && $0 != "\r" }
        guard let pid = Int32(text), pid > 0 else { return nil }
        return pid
    }

    /// Whether a process that holds no lock may have written the file.
    ///
    /// Other servers do not lock. One that started after the file was written got the number of a
    /// process that is gone.
    private static func isPlausible(_ pid: Int32, writer descriptor: Int32) -> Bool {
        guard ProcessTable.isAlive(pid) else { return false }
        var status = stat()
        guard fstat(descriptor, &status) == 0, let start = ProcessTable.startSeconds(of: pid) else {
            return true
        }
        // The system counts a process's start in ticks and its own boot in whole seconds.
        return start <= Double(status.st_mtim.tv_sec) + 2
    }
}
