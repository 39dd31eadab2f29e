internal import CReactor
internal import Glibc

/// Finds out once whether io_uring can be used here.
enum UringProbe {
    /// What keeps this process from using io_uring: an old kernel, a seccomp filter, the sysctl
    /// kernel.io_uring_disabled; `nil` if nothing does.
    static let obstacle: SystemError? = {
        var code: Int32 = 0
        guard let missing = creactor_uring_probe(&code) else { return nil }
        return SystemError(String(cString: missing), code: code == 0 ? EOPNOTSUPP : code)
    }()
}
