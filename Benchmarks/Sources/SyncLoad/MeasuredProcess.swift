import Glibc

/// A process of the server's side whose cost is reported.
struct MeasuredProcess {
    let name: String
    let pid: Int32
    /// Its children count with it, as PostgreSQL's backends do.
    let withChildren: Bool

    init(_ text: String) throws {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2,
            let pid = Int32(parts[1].drop(while: { $0 == " " }).prefix { $0 != "+" })
        else { throw Failure("--process needs NAME=PID, not \(text)") }
        name = String(parts[0])
        self.pid = pid
        withChildren = text.hasSuffix("+")
    }

    /// CPU time in seconds until now: its own, of children that live, and of those that it has waited for.
    var cpuSeconds: Double {
        guard withChildren else { return MeasuredProcess.clock(pid) }
        return MeasuredProcess.children(of: pid).reduce(
            MeasuredProcess.clock(pid) + MeasuredProcess.waitedSeconds(pid)
        ) { $0 + MeasuredProcess.clock($1) + MeasuredProcess.waitedSeconds($1) }
    }

    /// Memory that is its own, in bytes: what would be free without it (Pss of smaps_rollup).
    var memoryBytes: Double {
        let children = withChildren ? MeasuredProcess.children(of: pid) : []
        return ([pid] + children).reduce(0) { $0 + MeasuredProcess.memoryBytes(of: $1) }
    }

    private static func memoryBytes(of pid: Int32) -> Double {
        guard let text = MeasuredProcess.read("/proc/\(pid)/smaps_rollup"),
            let start = text.firstRange(of: "\nPss:")
        else { return 0 }
        let digits = text[start.upperBound...].drop { $0 == " " }.prefix { $0.isNumber }
        return (Double(digits) ?? 0) * 1024
    }

    /// By its own clock, which is finer than the ticks of /proc; 0 if it is gone.
    private static func clock(_ pid: Int32) -> Double {
        var clock = clockid_t()
        var time = timespec()
        guard clock_getcpuclockid(pid, &clock) == 0, clock_gettime(clock, &time) == 0 else {
            return 0
        }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// What children used that ended and were waited for: cutime and cstime of proc_pid_stat(5).
    private static func waitedSeconds(_ pid: Int32) -> Double {
        let fields = stat(pid)
        guard fields.count > 14 else { return 0 }
        let ticks = fields[13...14].reduce(0) { $0 + (Double($1) ?? 0) }
        return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// What stands behind the name, which may have spaces in it.
    private static func stat(_ pid: Int32) -> [Substring] {
        guard let text = read("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else {
            return []
        }
        return text[text.index(after: end)...].split(separator: " ")
    }

    private static func children(of parent: Int32) -> [Int32] {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var children: [Int32] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let pid = Int32(name) else { continue }
            let fields = stat(pid)
            if fields.count > 1, Int32(fields[1]) == parent { children.append(pid) }
        }
        return children
    }

    private static func read(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 8192)
        let count = fread(&buffer, 1, buffer.count, file)
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}

/// Runs a shell's command to its end and returns what it prints. Blocks.
func shell(_ command: String) throws -> String {
    guard let pipe = popen(command, "r") else { throw Failure("cannot run \(command)") }
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = fread(&buffer, 1, buffer.count, pipe)
        if count == 0 { break }
        output += buffer[..<count]
    }
    let status = pclose(pipe)
    guard status == 0 else { throw Failure("\(command) failed (\(status))") }
    return String(decoding: output, as: UTF8.self)
}
