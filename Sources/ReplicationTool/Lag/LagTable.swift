internal import Reactor
internal import Replication

/// One look at a main's streams, and at workers beside them.
struct LagTable {
    struct Row {
        let stream: String
        /// Where the main is, as far as it has told us.
        let position: Int64?
        let rowsPerSecond: Double
        /// How long ago the last row came; nil if none has.
        let lastRow: Double?
        /// How far this tool's own connection is behind.
        let here: ReplicationLag
    }

    struct Worker {
        let name: String
        /// What its metrics say, or why there are none.
        let metrics: Result<WorkerMetrics, LagView.Failure>
    }

    let time: String
    let main: String
    /// What the main is doing: answers, or does not.
    let state: String
    let rows: [Row]
    let workers: [Worker]

    var text: String {
        let head = ["stream", "position", "rows/s", "last row", "behind here"]
        let body = rows.map { row in
            [
                row.stream, row.position.map(String.init) ?? "–",
                "\(row.rowsPerSecond.rounded(to: 1))",
                row.lastRow.map { "\($0.rounded(to: 1)) s" } ?? "–", Self.text(of: row.here),
            ] + workers.map { Self.behind($0, row) }
        }
        let table = Self.columns([head + workers.map(\.name)] + body)
        let troubles = workers.compactMap { worker in
            Self.trouble(of: worker).map { "\(worker.name): \($0)" }
        }
        return (["\(time) \(main): \(state)"] + table + troubles).joined(separator: "\n") + "\n\n"
    }

    private static func text(of lag: ReplicationLag) -> String {
        switch lag.state {
        case .live where lag.behind == .zero:
            lag.pendingRows == 0 ? "in step" : "\(lag.pendingRows) rows"
        case .live: "silent, \(lag.behind.inSeconds.rounded(to: 1)) s"
        case .catchingUp: "catching up"
        case .disconnected: "lost, \(lag.behind.inSeconds.rounded(to: 1)) s"
        }
    }

    /// How far a worker is behind, in rows where it tells its position, and in seconds.
    private static func behind(_ worker: Worker, _ row: Row) -> String {
        guard case .success(let metrics) = worker.metrics else { return "?" }
        var parts: [String] = []
        if let position = metrics.positions[row.stream], let main = row.position {
            parts.append("\(max(0, main - position)) rows")
        }
        if let seconds = metrics.lagSeconds[row.stream] {
            parts.append("\(seconds.rounded(to: 1)) s")
        }
        return parts.isEmpty ? "–" : parts.joined(separator: ", ")
    }

    private static func trouble(of worker: Worker) -> String? {
        switch worker.metrics {
        case .success(let metrics):
            metrics.isConnected == false ? "does not reach its main process" : nil
        case .failure(let failure): failure.description
        }
    }

    /// The first column to the left, the others to the right.
    private static func columns(_ rows: [[String]]) -> [String] {
        let widths = (rows.first ?? []).indices.map { column in
            rows.map { $0[column].count }.max() ?? 0
        }
        return rows.map { row in
            zip(row, widths).enumerated().map { index, cell in
                index == 0 ? cell.0.padded(to: cell.1) : cell.0.leading(to: cell.1)
            }.joined(separator: "  ")
        }
    }
}
