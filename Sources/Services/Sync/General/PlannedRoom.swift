import Storage

/// A room that an answer may have to tell of, and which part of it.
struct PlannedRoom {
    enum Kind {
        case joined, left, invited, knocked
    }

    let kind: Kind
    let membership: SyncMemberships.Membership
    /// The part of the timeline to look at.
    let window: SyncTimelines.Window
    /// The client knows the room's state up to the token; otherwise it gets all of the state.
    let isKnown: Bool
    /// What the user may see of the window; nil if everything, the user having been there throughout.
    var access: HistoryAccess?

    var roomID: String { membership.roomID }

    // What was read.
    var events: [SyncEvent] = []
    var isLimited = false
    var state: [SyncEvent] = []
    var receipts: [Ephemera.Receipt] = []
    var accountData: [[UInt8]] = []
    var typing: [String]?
    var summary: RoomSection.Summary?
    var unread = Unread()

    /// Whether something was read that the client does not know.
    var hasNews: Bool {
        isLimited || !events.isEmpty || !state.isEmpty || !receipts.isEmpty
            || !accountData.isEmpty || typing != nil || summary != nil
    }

    /// The position at which state is wanted: that before the first event shown.
    var stateMoment: Int64 {
        events.first.map { $0.streamOrdering - 1 } ?? window.upTo
    }
}

/// Decides which rooms to look at, from the user's memberships.
struct RoomPlanner {
    let request: SyncRequest
    let now: StreamToken
    let history: [String: [SyncMemberships.Past]]
    let ignored: Set<String>

    func plan(_ membership: SyncMemberships.Membership) -> PlannedRoom? {
        guard request.filter.wants(room: membership.roomID) else { return nil }
        switch membership.membership {
        case "join": return joined(membership)
        case "invite":
            guard isNew(membership), !ignored.contains(membership.sender) else { return nil }
            return pending(.invited, membership)
        case "knock": return isNew(membership) ? pending(.knocked, membership) : nil
        default: return left(membership)
        }
    }

    private func isNew(_ membership: SyncMemberships.Membership) -> Bool {
        request.since.map { membership.streamOrdering > $0.room } ?? true
    }

    private func pending(
        _ kind: PlannedRoom.Kind, _ membership: SyncMemberships.Membership
    ) -> PlannedRoom {
        let window = SyncTimelines.Window(
            roomID: membership.roomID, after: membership.streamOrdering,
            upTo: membership.streamOrdering)
        return PlannedRoom(kind: kind, membership: membership, window: window, isKnown: false)
    }

    private func joined(_ membership: SyncMemberships.Membership) -> PlannedRoom {
        guard let since = request.since, !isNew(membership) else {
            return changed(.joined, membership, upTo: now.room)
        }
        let window = SyncTimelines.Window(
            roomID: membership.roomID, after: since.room, upTo: now.room)
        return PlannedRoom(kind: .joined, membership: membership, window: window, isKnown: true)
    }

    private func left(_ membership: SyncMemberships.Membership) -> PlannedRoom? {
        guard isNew(membership), !membership.isForgotten else { return nil }
        guard request.since != nil || request.filter.includesLeft else { return nil }
        let access = HistoryAccess(
            userID: request.userID, past: history[membership.roomID] ?? [])
        guard let end = access.endOfLastStay, request.since.map({ end > $0.room }) ?? true else {
            // Not a member since the token: there is nothing to show but the end of an invitation, or a ban.
            let window = SyncTimelines.Window(
                roomID: membership.roomID, after: membership.streamOrdering - 1,
                upTo: membership.streamOrdering)
            return PlannedRoom(kind: .left, membership: membership, window: window, isKnown: true)
        }
        return changed(.left, membership, upTo: end)
    }

    /// A room where the membership changed after the token.
    private func changed(
        _ kind: PlannedRoom.Kind, _ membership: SyncMemberships.Membership, upTo: Int64
    ) -> PlannedRoom {
        let access = HistoryAccess(
            userID: request.userID, past: history[membership.roomID] ?? [])
        let wasJoined = request.since.map { access.wasJoined(at: $0.room) } ?? false
        var after: Int64 = 0
        var skipsUntold = false
        if let since = request.since, wasJoined {
            after = since.room
        } else if let since = request.since, let farewell = access.lastFarewell(by: since.room) {
            after = farewell.streamOrdering
            skipsUntold = access.hasUntold(before: farewell)
        }
        let window = SyncTimelines.Window(roomID: membership.roomID, after: after, upTo: upTo)
        var room = PlannedRoom(
            kind: kind, membership: membership, window: window, isKnown: wasJoined, access: access)
        room.isLimited = skipsUntold
        return room
    }
}
