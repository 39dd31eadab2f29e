/// A place in a room's order of events, just after the event with these numbers.
public struct EventPlace: Sendable, Hashable, Comparable {
    /// The distance from the create event.
    public let topological: Int64
    /// The position in the stream of all events.
    public let stream: Int64

    /// Before every event.
    public static let start = EventPlace(topological: 0, stream: Int64.min / 2)
    /// After every event.
    public static let end = EventPlace(topological: Int64.max, stream: Int64.max)

    /// A place just after the event with these numbers.
    public init(topological: Int64, stream: Int64) {
        self.topological = topological
        self.stream = stream
    }

    /// Orders by topology first.
    public static func < (left: EventPlace, right: EventPlace) -> Bool {
        (left.topological, left.stream) < (right.topological, right.stream)
    }
}
