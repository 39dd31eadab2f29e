/// What a request waits for on its way to a computed answer.
public enum SyncStage: Sendable, Hashable {
    /// This process had to come to the request's token.
    case position
    /// Other answers were computed before.
    case lane
}

/// Where the time of computed answers went.
public struct SyncStageTimes: Sendable, Hashable {
    /// Waiting until this process had come to the request's token.
    public var position = Duration.zero
    /// Waiting for other computations.
    public var lane = Duration.zero
    /// Waiting for the database.
    public var sql = Duration.zero
    /// Making the answer of what was read.
    public var building = Duration.zero
    /// Handing the answer to its connection.
    public var writing = Duration.zero

    /// No time.
    public init() {}

    static func += (sum: inout SyncStageTimes, other: SyncStageTimes) {
        sum.position += other.position
        sum.lane += other.lane
        sum.sql += other.sql
        sum.building += other.building
        sum.writing += other.writing
    }
}

/// An answer that took long to compute. Time for which a client was parked is not in it.
public struct SlowSync: Sendable, Hashable, CustomStringConvertible {
    /// Who asked.
    public let userID: String
    /// With which device; nil for tokens without one.
    public let deviceID: String?
    /// Whether it was a first request, without a token.
    public let isInitial: Bool
    /// Where the time went.
    public let times: SyncStageTimes
    /// How many statements there were.
    public let statements: Int
    /// How long the answer was, in bytes; nil for an error.
    public let bytes: Int?

    /// All of the time.
    public var total: Duration {
        times.position + times.lane + times.sql + times.building + times.writing
    }

    /// A line for the log.
    public var description: String {
        let kind = isInitial ? "Initial sync" : "Sync"
        let what = bytes.map { "\($0) bytes" } ?? "an error"
        return "\(kind) of \(userID) (\(deviceID ?? "no device")) took \(Self.text(total)): "
            + "\(Self.text(times.position)) waiting for its position, "
            + "\(Self.text(times.lane)) for its turn, "
            + "\(Self.text(times.sql)) for \(statements) SQL statements, "
            + "\(Self.text(times.building)) building, \(Self.text(times.writing)) writing \(what)"
    }

    private static func text(_ time: Duration) -> String {
        let (seconds, attoseconds) = time.components
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        let rest = String(milliseconds % 1000)
        let zeros = String(repeating: "0", count: 3 - rest.utf8.count)
        return "\(milliseconds / 1000).\(zeros)\(rest) s"
    }
}
