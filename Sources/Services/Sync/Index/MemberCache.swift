import Storage

/// The member events of those who speak, as they are now, so that a room where the same people speak needs no look at
/// the database. Bounded; what is dropped is read again.
struct MemberCache {
    private var rooms: [String: [String: SyncEvent?]] = [:]
    private var count = 0
    private let membersMax = 20_000

    /// A user's member event, nil if the user has none; nil outside if that is not known.
    func event(of userID: String, in roomID: String) -> SyncEvent?? { rooms[roomID]?[userID] }

    mutating func insert(_ event: SyncEvent?, of userID: String, in roomID: String) {
        if count >= membersMax {
            rooms.removeAll(keepingCapacity: true)
            count = 0
        }
        if rooms[roomID, default: [:]].updateValue(event, forKey: userID) == nil { count += 1 }
    }

    /// A user's membership or profile has changed.
    mutating func forget(_ userID: String, in roomID: String) {
        if rooms[roomID]?.removeValue(forKey: userID) != nil { count -= 1 }
    }

    /// Something in a room was redacted.
    mutating func forget(room roomID: String) {
        count -= rooms.removeValue(forKey: roomID)?.count ?? 0
    }

    mutating func removeAll() {
        rooms.removeAll()
        count = 0
    }
}
