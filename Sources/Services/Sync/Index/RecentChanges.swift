/// When something last happened in each room, for the recent past: bounded in size, exact above a floor.
struct RecentChanges {
    /// The last positions at which events and receipts came to a room.
    struct Positions {
        var room: Int64 = 0
        var receipt: Int64 = 0
    }

    private let roomsMax: Int
    private var rooms: [String: Positions] = [:]
    /// Everything that happened after these positions is known.
    private(set) var floor: Positions

    init(floor: Positions, roomsMax: Int) {
        self.floor = floor
        self.roomsMax = roomsMax
    }

    func positions(of roomID: String) -> Positions { rooms[roomID] ?? Positions() }

    mutating func noteEvent(in roomID: String, at position: Int64) {
        rooms[roomID, default: Positions()].room = position
    }

    mutating func noteReceipt(in roomID: String, at position: Int64) {
        rooms[roomID, default: Positions()].receipt = position
    }

    /// Forgets the older half when there are too many; to be called between batches.
    mutating func shrink() {
        guard rooms.count > roomsMax else { return }
        let middle = { (values: [Int64]) in values.sorted()[values.count / 2] }
        let room = middle(rooms.values.map(\.room))
        let receipt = middle(rooms.values.map(\.receipt))
        floor.room = max(floor.room, room)
        floor.receipt = max(floor.receipt, receipt)
        rooms = rooms.filter { $0.value.room > floor.room || $0.value.receipt > floor.receipt }
    }
}
