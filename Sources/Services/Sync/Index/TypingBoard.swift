/// Who is typing where, as the stream told. In memory on every process.
struct TypingBoard {
    private struct Entry {
        var serial: Int64
        var userIDs: [String]
    }

    private var entries: [String: Entry] = [:]
    /// Rooms where typing stopped are remembered, up to this many, for clients that have not heard of it.
    private let quietMax = 20_000

    /// Notes who types in a room.
    mutating func set(_ userIDs: [String], in roomID: String, serial: Int64) {
        entries[roomID] = Entry(serial: serial, userIDs: userIDs)
        if entries.count > quietMax * 2 { forgetQuietRooms() }
    }

    /// The main process has started again and knows of nobody who types: so everybody stopped.
    ///
    /// Returns the rooms where that is news.
    mutating func reset(serial: Int64) -> [String] {
        let typing = entries.filter { !$0.value.userIDs.isEmpty }.map(\.key)
        entries.removeAll(keepingCapacity: true)
        for roomID in typing { entries[roomID] = Entry(serial: serial, userIDs: []) }
        return typing
    }

    /// Who types in a room if that changed after a serial.
    func change(in roomID: String, after serial: Int64) -> [String]? {
        guard let entry = entries[roomID], entry.serial > serial else { return nil }
        return entry.userIDs
    }

    /// When it last changed who types in a room; -1 for never.
    func serial(of roomID: String) -> Int64 { entries[roomID]?.serial ?? -1 }

    private mutating func forgetQuietRooms() {
        let quiet = entries.filter { $0.value.userIDs.isEmpty }.sorted {
            $0.value.serial < $1.value.serial
        }
        for (roomID, _) in quiet.dropLast(quietMax) { entries[roomID] = nil }
    }
}
