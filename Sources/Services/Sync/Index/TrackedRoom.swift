/// A room that users known to this process have joined.
final class TrackedRoom {
    let roomID: String
    var users: [ObjectIdentifier: TrackedUser] = [:]

    init(roomID: String) {
        self.roomID = roomID
    }
}
