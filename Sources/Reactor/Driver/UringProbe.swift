internal import CReactor
internal import Glibc

/// What newer kernels add to what the driver needs in any case.
struct UringAbilities: OptionSet {
    let rawValue: UInt32
    /// No index array in front of the submission queue (`NO_SQARRAY`, Linux 6.6).
    static let noIndexArray = UringAbilities(rawValue: creactor_uring_no_array)
    /// Receive buffers that fill up by and by (`IOU_PBUF_RING_INC`, Linux 6.12).
    static let incrementalBuffers = UringAbilities(rawValue: creactor_uring_incremental)
    /// The ring is entered by an index of the thread's own (Linux 5.18).
    static let registeredRing = UringAbilities(rawValue: creactor_uring_registered)

    /// For logs: what is used, and what this kernel lacks.
    var summary: String {
        let all: [(UringAbilities, String)] = [
            (.registeredRing, "registered ring"), (.noIndexArray, "no index array"),
            (.incrementalBuffers, "incremental buffers"),
        ]
        let used = all.filter { contains($0.0) }.map(\.1)
        let missing = all.filter { !contains($0.0) }.map(\.1)
        return used.joined(separator: ", ")
            + (missing.isEmpty ? "" : " (not in this kernel: \(missing.joined(separator: ", ")))")
    }
}

/// Finds out whether io_uring can be used here, by using it: a ring is made that receives.
enum UringProbe {
    enum Outcome {
        case usable(UringAbilities)
        /// What keeps this process from using io_uring: an old kernel, a seccomp filter, the sysctl
        /// kernel.io_uring_disabled, a limit on memory.
        case obstacle(SystemError)
    }

    /// Found out once for the process.
    static let outcome = attempt()

    static var obstacle: SystemError? {
        if case .obstacle(let error) = outcome { error } else { nil }
    }

    static func attempt() -> Outcome {
        var abilities: UInt32 = 0
        var code: Int32 = 0
        guard let missing = creactor_uring_probe(&abilities, &code) else {
            return .usable(UringAbilities(rawValue: abilities))
        }
        return .obstacle(
            SystemError(String(cString: missing), code: code == 0 ? EOPNOTSUPP : code))
    }
}
