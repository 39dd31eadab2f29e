/// A room that users known to this process have joined.
final class TrackedRoom {
    let roomID: String
    var users: [ObjectIdentifier: TrackedUser] = [:]
    /// What each of them has not read, as far as that is known.
    var unread: [ObjectIdentifier: Unread] = [:]

    init(roomID: String) {
        self.roomID = roomID
    }
}
