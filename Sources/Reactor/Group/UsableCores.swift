internal import CReactor
internal import Glibc

/// The processor cores that this process may use.
enum UsableCores {
    /// The numbers of the cores that the calling thread may run on. See sched_getaffinity(2).
    static var allowed: [Int32] {
        // Grows until the kernel's mask fits; more cores than this are not made.
        var capacity: Int32 = 1024
        while capacity <= 1 << 20 {
            var cores = [Int32](repeating: 0, count: Int(capacity))
            let count = cores.withUnsafeMutableBufferPointer { list in
                list.baseAddress.map { creactor_allowed_cores($0, capacity) } ?? -1
            }
            if count > 0 { return Array(cores.prefix(Int(count))) }
            capacity *= 4
        }
        return []
    }

    /// How many loops can run at once: the allowed cores, or fewer if the control group's quota
    /// buys less time than those have. At least one.
    static var count: Int {
        let cores = max(allowed.count, 1)
        guard let quota = quota() else { return cores }
        return max(1, min(cores, quota))
    }

    /// Cores' worth of time that the process's control group may use, rounded up; `nil` without
    /// a limit. Groups further up limit too, and within a container they are what one sees.
    private static func quota() -> Int? {
        guard let groups = read("/proc/self/cgroup") else { return nil }
        var limits: [Int] = []
        for line in groups.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let isUnified = parts[0] == "0" && parts[1].isEmpty
            guard isUnified || parts[1].split(separator: ",").contains("cpu") else { continue }
            let root = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu"
            for path in withParents(parts[2]) {
                let folder = root + path
                let limit =
                    isUnified
                    ? unified(read(folder + "/cpu.max"))
                    : legacy(
                        quota: read(folder + "/cpu.cfs_quota_us"),
                        period: read(folder + "/cpu.cfs_period_us"))
                if let limit { limits.append(limit) }
            }
        }
        return limits.min()
    }

    /// A group's path and those of the groups that it is in, up to the root.
    static func withParents(_ path: Substring) -> [String] {
        let names = path.split(separator: "/")
        return (0...names.count).map { depth in
            names.prefix(names.count - depth).map { "/" + $0 }.joined()
        }
    }

    /// What `cpu.max` of cgroup v2 grants, such as "150000 100000": quota and period.
    static func unified(_ text: String?) -> Int? {
        let words = text?.split(whereSeparator: \.isWhitespace) ?? []
        guard words.count == 2 else { return nil }
        return cores(Int(words[0]), Int(words[1]))
    }

    /// What the two files of cgroup v1 grant; a quota of -1 means no limit.
    static func legacy(quota: String?, period: String?) -> Int? {
        func number(_ text: String?) -> Int? {
            text?.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }
        }
        return cores(number(quota), number(period))
    }

    private static func cores(_ quota: Int?, _ period: Int?) -> Int? {
        guard let quota, let period, quota > 0, period > 0 else { return nil }
        return max(1, quota / period + (quota % period == 0 ? 0 : 1))
    }

    /// A small file's text; `nil` if there is none.
    private static func read(_ path: String) -> String? {
        let raw = open(path, O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { return nil }
        let file = Descriptor(owning: raw)
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = Glibc.read(file.raw, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
