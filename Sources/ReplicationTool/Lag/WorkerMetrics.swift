/// What a worker's metrics tell of its replication; in Prometheus' text format.
struct WorkerMetrics: Equatable {
    /// Whether the worker says that it reaches its main; nil if it does not say.
    var isConnected: Bool?
    /// How long ago each stream was surely in step, in seconds.
    var lagSeconds: [String: Double] = [:]
    /// The last token of each stream whose rows the worker has.
    var positions: [String: Int64] = [:]

    /// Reads an exposition; what is no metric of replication, or no metric, is passed over.
    init(parsing text: String) {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let sample = Sample(line) else { continue }
            switch sample.name {
            case "beamline_replication_connected": isConnected = sample.value != 0
            case "beamline_replication_lag_seconds":
                if let stream = sample.stream { lagSeconds[stream] = sample.value }
            case "beamline_replication_position":
                if let stream = sample.stream { positions[stream] = Int64(exactly: sample.value) }
            default: break
            }
        }
    }

    private struct Sample {
        let name: Substring
        let stream: String?
        let value: Double

        init?(_ line: Substring) {
            let end = line.firstIndex { $0 == "{" || $0 == " " } ?? line.endIndex
            name = line[..<end]
            var rest = line[end...]
            var stream: String?
            if rest.hasPrefix("{") {
                guard let close = rest.lastIndex(of: "}") else { return nil }
                let labels = rest[..<close]
                if let label = labels.firstRange(of: "stream_name=\"") {
                    stream = String(labels[label.upperBound...].prefix { $0 != "\"" })
                }
                rest = rest[rest.index(after: close)...]
            }
            // A time stamp may follow.
            guard let word = rest.split(separator: " ").first, let value = Double(word) else {
                return nil
            }
            self.stream = stream
            self.value = value
        }
    }
}
