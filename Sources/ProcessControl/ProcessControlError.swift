internal import Glibc

/// Why a process could not be started, found or stopped.
public struct ProcessControlError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it was.
    public struct Code: Sendable, Hashable {
        private enum Kind { case system, alreadyRunning, notAlone }
        private let kind: Kind

        /// A call of the system failed.
        public static let system = Code(kind: .system)
        /// The process that the pid file stands for is running.
        public static let alreadyRunning = Code(kind: .alreadyRunning)
        /// The process has threads, which a fork would leave behind.
        public static let threadsRunning = Code(kind: .notAlone)
    }

    /// What kind of failure it was.
    public let code: Code
    /// One line for people.
    public let description: String
    /// The process in the way, for `alreadyRunning`.
    public let pid: Int32?
    /// The system's error number, for `system`.
    public let errorNumber: Int32?

    init(_ code: Code, _ description: String, pid: Int32? = nil) {
        self.code = code
        self.description = description
        self.pid = pid
        errorNumber = nil
    }

    /// A failed call: `subject: what failed: the system's reason`.
    init(system number: Int32, _ subject: String) {
        code = .system
        description = "\(subject): \(String(cString: strerror(number)))"
        pid = nil
        errorNumber = number
    }
}
