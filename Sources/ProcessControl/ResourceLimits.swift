internal import Glibc

/// What the system allows this process.
public enum ResourceLimits {
    /// Asks for so many open files; 0 is as many as allowed. Returns how many there may be.
    @discardableResult
    public static func raiseOpenFiles(to wanted: Int) throws(ProcessControlError) -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else {
            throw ProcessControlError(system: errno, "getrlimit")
        }
        limit.rlim_cur = wanted == 0 ? limit.rlim_max : min(rlim_t(wanted), limit.rlim_max)
        guard setrlimit(resource, &limit) == 0 else {
            throw ProcessControlError(system: errno, "the number of open files cannot be set")
        }
        return Int(clamping: limit.rlim_cur)
    }
}
