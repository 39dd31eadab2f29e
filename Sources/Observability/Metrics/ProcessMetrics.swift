internal import Glibc

extension MetricsRegistry {
    /// Adds what Prometheus' own clients tell about a process: time, memory, descriptors.
    public func addProcessMetrics() {
        counter("process_cpu_seconds_total", "Processor time of the process in seconds.") {
            var usage = rusage()
            getrusage(RUSAGE_SELF.rawValue, &usage)
            let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
            return Double(seconds) + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
        }
        gauge("process_resident_memory_bytes", "Resident memory of the process in bytes.") {
            memoryPages(at: 1).map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) }
        }
        gauge("process_virtual_memory_bytes", "Virtual memory of the process in bytes.") {
            memoryPages(at: 0).map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) }
        }
        gauge("process_open_fds", "Open descriptors of the process.") { openDescriptors() }
        gauge("process_max_fds", "Descriptors that the process may open.") {
            var limit = rlimit()
            guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
                return nil
            }
            return Double(limit.rlim_cur)
        }
        // It never changes, so it is read once.
        let start = processStartSeconds()
        gauge("process_start_time_seconds", "When the process started, in seconds since 1970.") {
            start
        }
    }
}

private func contents(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    // Files of /proc are short; a megabyte is more than the longest.
    while bytes.count < 1 << 20 {
        let count = read(descriptor, &chunk, chunk.count)
        guard count > 0 else { break }
        bytes.append(contentsOf: chunk[..<count])
    }
    return String(decoding: bytes, as: UTF8.self)
}

private func memoryPages(at column: Int) -> Double? {
    guard let text = contents(of: "/proc/self/statm") else { return nil }
    let columns = text.split(separator: " ")
    return column < columns.count ? Double(columns[column]) : nil
}

private func openDescriptors() -> Double? {
    guard let directory = opendir("/proc/self/fd") else { return nil }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    // ".", ".." and the descriptor that reads the folder.
    return Double(max(0, count - 3))
}

private func processStartSeconds() -> Double? {
    guard let stat = contents(of: "/proc/self/stat"), let system = contents(of: "/proc/stat"),
        // The name of the program may contain anything, also spaces and parentheses.
        let close = stat.lastIndex(of: ")")
    else { return nil }
    let columns = stat[close...].split(separator: " ")
    let boot = system.split(separator: "\n").first { $0.hasPrefix("btime ") }
    guard columns.count > 20, let ticks = Double(columns[20]),
        let booted = boot.flatMap({ Double($0.dropFirst(6)) })
    else { return nil }
    return booted + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
}
