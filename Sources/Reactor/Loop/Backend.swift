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

        /// What is asked for, by the environment too. Throws EINVAL if that names no backend.
        private func named() throws(SystemError) -> Backend {
            guard self == .auto, let value = getenv("BEAMLINE_BACKEND") else { return self }
            guard let named = Backend(rawValue: String(cString: value)) else {
                throw SystemError("BEAMLINE_BACKEND", code: EINVAL)
            }
            return named
        }

        /// A driver, with the backend that it is of and what the log should say about it.
        func open() throws(SystemError) -> (any Driver, Backend, String) {
            switch try named() {
            case .epoll: return (try EpollDriver(), .epoll, EpollDriver.summary)
            case .ioUring:
                let driver = try UringDriver.probed()
                return (driver, .ioUring, driver.summary)
            case .auto:
                do throws(SystemError) {
                    let driver = try UringDriver.probed()
                    return (driver, .ioUring, driver.summary)
                } catch {
                    // Forbidden, too old, or memory is short today: whatever it is, epoll asks for
                    // less. If descriptors have run out, that fails too.
                    let summary = "\(EpollDriver.summary) (no io_uring here: \(error))"
                    return (try EpollDriver(), .epoll, summary)
                }
            }
        }
    }
}
