/// When something last happened in each room, for the recent past: bounded in size, exact above a floor.
struct RecentChanges {
    /// The last positions at which events and receipts came to a room, and at which devices or the presence of a member
    /// changed.
    struct Positions {
        var room: Int64 = 0
        var receipt: Int64 = 0
        var deviceList: Int64 = 0
        var presence: Int64 = 0

        static var all: [WritableKeyPath<Positions, Int64>] {
            [\.room, \.receipt, \.deviceList, \.presence]
        }
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

    /// Notes that something happened in a room.
    mutating func note(
        _ kind: WritableKeyPath<Positions, Int64>, in roomID: String, at position: Int64
    ) {
        rooms[roomID, default: Positions()][keyPath: kind] = position
    }

    /// Forgets the older half when there are too many; to be called between batches.
    mutating func shrink() {
        guard rooms.count > roomsMax else { return }
        for kind in Positions.all {
            let values = rooms.values.map { $0[keyPath: kind] }.sorted()
            floor[keyPath: kind] = max(floor[keyPath: kind], values[values.count / 2])
        }
        let floor = floor
        rooms = rooms.filter { entry in
            Positions.all.contains { entry.value[keyPath: $0] > floor[keyPath: $0] }
        }
    }
}

extension RecentChanges.Positions {
    /// The positions of a token.
    init(_ token: StreamToken) {
        room = token.room
        receipt = token.receipt
        deviceList = token.deviceList
        presence = token.presence
    }
}
