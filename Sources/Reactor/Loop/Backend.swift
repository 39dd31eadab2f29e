internal import Glibc

extension EventLoop {
    /// The kernel interface under a loop.
    public enum Backend: String, Sendable, CaseIterable {
        /// io_uring where the kernel allows it and has what is needed, else epoll. The environment
        /// variable `BEAMLINE_BACKEND` (`epoll` or `io_uring`) decides instead if it is set.
        case auto
        /// Readiness from epoll(7), on every Linux.
        case epoll
        /// Completions from io_uring(7); needs Linux 6.1.
        case ioUring = "io_uring"

        /// Whether this machine's kernel (and what confines this process) lets the backend run.
        public var isAvailable: Bool {
            switch self {
            case .auto, .epoll: true
            case .ioUring: UringProbe.obstacle == nil
            }
        }

        /// What `auto` means here and now. Throws EINVAL if the environment names no backend.
        func resolved() throws(SystemError) -> Backend {
            guard self == .auto else { return self }
            if let value = getenv("BEAMLINE_BACKEND") {
                guard let named = Backend(rawValue: String(cString: value)) else {
                    throw SystemError("BEAMLINE_BACKEND", code: EINVAL)
                }
                if named != .auto { return named }
            }
            return Backend.ioUring.isAvailable ? .ioUring : .epoll
        }

        func makeDriver() throws(SystemError) -> sending any Driver {
            switch self {
            case .auto: return try resolved().makeDriver()
            case .epoll: return try EpollDriver()
            case .ioUring:
                if let obstacle = UringProbe.obstacle { throw obstacle }
                return try UringDriver()
            }
        }

        /// Describes `backend`, which this one was resolved to.
        func describe(as backend: Backend) -> String {
            guard backend == .epoll else { return UringDriver.summary }
            guard self == .auto, let obstacle = UringProbe.obstacle else {
                return EpollDriver.summary
            }
            return "\(EpollDriver.summary) (no io_uring here: \(obstacle))"
        }
    }
}
