internal import Reactor

/// The demo's live view: a line a second with what was delivered, and what each process used for it.
struct DemoView {
    private let members: [FleetDirectory.Member]
    private var samples: [Int32: (time: Instant, sample: ProcessSample)] = [:]
    private var lines = 0

    init(_ members: [FleetDirectory.Member]) { self.members = members }

    /// Remembers what the processes have used until now.
    mutating func sample(on loop: isolated EventLoop) {
        for pid in members.compactMap(\.pid) {
            if let sample = ProcessSample(pid: pid) { samples[pid] = (loop.now, sample) }
        }
    }

    mutating func show(_ statistics: DemoStatistics, on loop: isolated EventLoop) {
        if lines % 20 == 0 { print(heading) }
        lines += 1
        let window = statistics.takeWindow()
        var line = "\(window.count)".aligned(to: 10)
        line += window.p50.short.aligned(to: 8) + window.p99.short.aligned(to: 8) + " "
        for member in members { line += usage(of: member, on: loop).aligned(to: 14) }
        print(line)
    }

    private var heading: String {
        var first = "deliveries  latency, ms  "
        first += "CPU % and memory, MB, of"
        var second = "per second     p50     p99 "
        for member in members { second += String(member.name.prefix(13)).aligned(to: 14) }
        return first + "\n" + second
    }

    private mutating func usage(
        of member: FleetDirectory.Member, on loop: isolated EventLoop
    ) -> String {
        guard let pid = member.pid, let sample = ProcessSample(pid: pid) else { return "gone" }
        let before = samples.updateValue((loop.now, sample), forKey: pid)
        guard let before else { return "-" }
        let seconds = (loop.now - before.time).inSeconds
        let share = seconds > 0 ? (sample.cpuSeconds - before.sample.cpuSeconds) / seconds * 100 : 0
        return "\(share.short) \((Double(sample.residentBytes) / 1e6).short)"
    }
}

extension Double {
    /// One digit after the point.
    var short: String {
        let tenths = Int((self * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }
}
