import Postgres
import Reactor
public import Storage

/// A place in a room as clients name it: `s<stream position>` or `t<topological>-<stream position>`.
///
/// A token of /sync begins with such a place, followed by positions of other streams.
public enum RoomToken: Sendable, Hashable, CustomStringConvertible {
    /// Just after the event with this position, and all earlier ones.
    case stream(Int64)
    /// Just after the event with these numbers.
    case topological(EventPlace)

    /// Reads a token; nil if it is none.
    public init?(_ text: String) {
        let first = text.split(separator: "_", maxSplits: 1, omittingEmptySubsequences: false)[0]
        let rest = first.dropFirst()
        switch first.first {
        case "s":
            guard let position = Int64(rest) else { return nil }
            self = .stream(position)
        case "t":
            guard let dash = rest.dropFirst().firstIndex(of: "-"),
                let topological = Int64(rest[..<dash]),
                let stream = Int64(rest[rest.index(after: dash)...])
            else { return nil }
            self = .topological(EventPlace(topological: topological, stream: stream))
        default: return nil
        }
    }

    /// The token's text.
    public var description: String {
        switch self {
        case .stream(let position): "s\(position)"
        case .topological(let place): "t\(place.topological)-\(place.stream)"
        }
    }

    /// The place in a room's order of events.
    func place(
        in roomID: String, from pool: PostgresPool, on loop: isolated EventLoop
    ) async throws -> EventPlace {
        switch self {
        case .topological(let place): return place
        case .stream(let position):
            let topological = try await Events.topologicalOrdering(
                roomID: roomID, atStreamOrdering: position, in: pool, on: loop)
            return EventPlace(topological: topological, stream: position)
        }
    }
}
