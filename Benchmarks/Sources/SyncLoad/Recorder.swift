import Glibc
import Reactor

/// What the clients saw, and what was measured of it.
final class Recorder: SyncObserver {
    private(set) var deliveries = 0
    private(set) var answers = 0
    private(set) var answeredBytes = 0
    private(set) var failures: [String: Int] = [:]
    private(set) var latencies: [UInt64] = []
    /// Told of each delivery.
    var onDelivery: ((Marker, UInt64) -> Void)?

    func received(_ marker: Marker, by client: SyncClient, at now: UInt64) {
        deliveries += 1
        latencies.append(now &- marker.sentAt)
        onDelivery?(marker, now)
    }

    func answered(_ client: SyncClient, bytes: Int) {
        answers += 1
        answeredBytes += bytes
    }

    func failed(_ client: SyncClient, _ reason: String) { failed(reason) }

    func failed(_ reason: String) { failures[reason, default: 0] += 1 }

    /// Forgets what came before the part that is measured, but for failures.
    func reset() {
        deliveries = 0
        answers = 0
        answeredBytes = 0
        latencies.removeAll(keepingCapacity: true)
    }
}

/// A list of numbers' order statistics.
struct Percentiles {
    private let sorted: [Double]

    init(_ values: some Sequence<Double>) { sorted = values.sorted() }

    var count: Int { sorted.count }
    var mean: Double { sorted.isEmpty ? 0 : sorted.reduce(0, +) / Double(sorted.count) }
    var max: Double { sorted.last ?? 0 }

    subscript(fraction: Double) -> Double {
        guard !sorted.isEmpty else { return 0 }
        return sorted[min(sorted.count - 1, Int(Double(sorted.count) * fraction))]
    }
}

/// What was used between two moments.
struct Cost {
    private let options: Options
    private let began: Instant
    private let cpu: [Double]
    private let own: Double
    private let probed: [(name: String, value: Double)]

    /// Begins to measure.
    init(_ options: Options, on loop: isolated EventLoop) async throws {
        self.options = options
        probed = try await Cost.probe(options, on: loop)
        cpu = options.processes.map(\.cpuSeconds)
        own = Cost.ownSeconds
        began = Instant.now
    }

    /// What was used since, for so many operations.
    func measurements(
        per operations: Int, _ operation: String, on loop: isolated EventLoop
    ) async throws
        -> [Measurement]
    {
        let seconds = (Instant.now - began).inSeconds
        let after = options.processes.map(\.cpuSeconds)
        let load = Cost.ownSeconds - own
        let count = Double(Swift.max(1, operations))
        var results = [
            Measurement("operations", Double(operations), operation),
            Measurement("rate", Double(operations) / seconds, "\(operation)/s"),
            Measurement("load busy", load / seconds * 100, "%"),
        ]
        for (index, process) in options.processes.enumerated() {
            let used = after[index] - cpu[index]
            results.append(
                Measurement("\(process.name) cpu", used / count * 1e6, "µs per \(operation)"))
            results.append(Measurement("\(process.name) busy", used / seconds * 100, "%"))
        }
        for (before, now) in zip(probed, try await Cost.probe(options, on: loop)) {
            results.append(
                Measurement(now.name, (now.value - before.value) / count, "per \(operation)"))
        }
        return results
    }

    private static var ownSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func probe(
        _ options: Options, on loop: isolated EventLoop
    ) async throws -> [(name: String, value: Double)] {
        guard let command = options.probe else { return [] }
        return try await loop.offload { () throws -> String in try shell(command) }
            .split(separator: "\n").map { line in
                guard let space = line.lastIndex(of: " "),
                    let value = Double(line[line.index(after: space)...])
                else { throw Failure("the probe prints “\(line)”, not a name and a number") }
                return (String(line[..<space]), value)
            }
    }
}

/// One number of the report.
struct Measurement {
    let metric: String
    let value: Double
    let unit: String

    init(_ metric: String, _ value: Double, _ unit: String) {
        self.metric = metric
        self.value = value
        self.unit = unit
    }

    var json: String {
        "{\"metric\":\"\(metric)\",\"unit\":\"\(unit)\",\"value\":\(value.isFinite ? value : 0)}"
    }
}
