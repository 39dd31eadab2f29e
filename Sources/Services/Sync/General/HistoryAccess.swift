import JSON
import Storage

/// Which part of a room's past a user may see, from what the user was at each event.
struct HistoryAccess {
    let userID: String
    /// The user's memberships of the room, oldest first.
    let past: [SyncMemberships.Past]
    /// The room's settings of history visibility, oldest first.
    var settings: [(streamOrdering: Int64, visibility: String)] = []

    init(userID: String, past: [SyncMemberships.Past]) {
        self.userID = userID
        self.past = past
    }

    mutating func set(_ visibilities: [SyncRoomState.Visibility]) {
        settings = visibilities.map { visibility in
            let json = try? JSON(parsing: visibility.json)  // Broken: the default counts.
            let value = json?["content"]?["history_visibility"]?.stringValue
            return (visibility.streamOrdering, value ?? "shared")
        }
    }

    /// The user's membership just after a position.
    func membership(at position: Int64) -> String? {
        past.last { $0.streamOrdering <= position }?.membership
    }

    /// Whether the user was a member throughout the events, so that nothing else matters.
    func isMember(throughout events: [SyncEvent]) -> Bool {
        events.allSatisfy { isOwn($0) || membership(at: $0.streamOrdering) == "join" }
    }

    /// The events after the last one that the user may not see: a timeline without holes.
    func visibleEnd(of events: [SyncEvent]) -> ArraySlice<SyncEvent> {
        let hidden = events.lastIndex { !maySee($0) }
        return events[(hidden.map { $0 + 1 } ?? 0)...]
    }

    /// Whether the user may see an event.
    func maySee(_ event: SyncEvent) -> Bool {
        if isOwn(event) { return true }
        let position = event.streamOrdering
        let membership = membership(at: position)
        if membership == "join" { return true }
        var applying = [visibility(at: position)]
        // A change of the setting itself is seen by whoever could see things before or after it.
        if event.type == "m.room.history_visibility", event.stateKey == "" {
            applying.append(visibility(at: position - 1))
        }
        return applying.contains { visibility in
            switch visibility {
            case "world_readable": true
            case "invited": membership == "invite"
            case "joined": false
            default: past.contains { $0.membership == "join" && $0.streamOrdering > position }
            }
        }
    }

    private func isOwn(_ event: SyncEvent) -> Bool {
        event.type == "m.room.member" && event.stateKey == userID
    }

    private func visibility(at position: Int64) -> String {
        settings.last { $0.streamOrdering <= position }?.visibility ?? "shared"
    }

    // MARK: Where a timeline begins

    /// Whether the user was joined at a position.
    func wasJoined(at position: Int64) -> Bool { membership(at: position) == "join" }

    /// Where the last stay ended; nil if the user never joined, or is joined still.
    var endOfLastStay: Int64? {
        guard let lastJoin = past.lastIndex(where: { $0.membership == "join" }),
            lastJoin + 1 < past.count
        else { return nil }
        return past[lastJoin + 1].streamOrdering
    }

    /// The last end of a membership that the user was told of by `position`, as a left room; nil if there was none.
    ///
    /// Timelines of a room that the user comes back to go on from there.
    func lastFarewell(by position: Int64) -> SyncMemberships.Past? {
        past.last { $0.streamOrdering <= position && ["leave", "ban"].contains($0.membership) }
    }

    /// Whether something that the user may see now lies before a farewell, untold: it did not end a stay.
    func hasUntold(before farewell: SyncMemberships.Past) -> Bool {
        membership(at: farewell.streamOrdering - 1) != "join"
    }
}
