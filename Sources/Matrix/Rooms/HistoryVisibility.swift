import JSON

/// Who may read the events of a room.
///
/// Specification: client-server, "Room History Visibility".
public enum HistoryVisibility: String, Sendable, Hashable {
    /// Everyone.
    case worldReadable = "world_readable"
    /// Members, also what was before they joined.
    case shared
    /// Members, from their invitation on.
    case invited
    /// Members, from when they joined on.
    case joined

    /// The visibility that an event sets; anything unknown, and no event at all, is `shared`.
    public init(_ event: Event?) {
        let text = event?.content["history_visibility"]?.stringValue
        self = text.flatMap { HistoryVisibility(rawValue: $0) } ?? .shared
    }

    /// Whether a user may see an event.
    ///
    /// - Parameters:
    ///   - membership: What the user was to the room when the event was sent.
    ///   - joinedSince: Whether the user joined the room at any time after the event.
    /// - Returns: Whether this visibility, in force when the event was sent, allows it.
    public func allows(membership: Membership, joinedSince: Bool) -> Bool {
        switch (self, membership) {
        case (.worldReadable, _), (_, .join): true
        case (.shared, _): joinedSince
        case (.invited, .invite): true
        case (.invited, _), (.joined, _): false
        }
    }

    /// Whether a user may see an event that itself changes what the rule looks at: a change of
    /// the visibility, or of the user's own membership, is visible if either side of it is.
    ///
    /// - Parameters:
    ///   - before: Visibility and the user's membership before the event.
    ///   - after: The same after it.
    ///   - joinedSince: Whether the user joined the room at any time after the event.
    /// - Returns: Whether the user may see it.
    public static func allows(
        before: (visibility: HistoryVisibility, membership: Membership),
        after: (visibility: HistoryVisibility, membership: Membership),
        joinedSince: Bool
    ) -> Bool {
        before.visibility.allows(membership: before.membership, joinedSince: joinedSince)
            || after.visibility.allows(membership: after.membership, joinedSince: joinedSince)
    }
}
