import JSON
import Postgres
public import Reactor
import ReplicationWire
import Storage

/// Read receipts and the read marker.
public final class ReceiptService {
    private let pool: PostgresPool
    private let clock: WallClock
    private let announcements: OrderedAnnouncements
    private let accountData: AccountDataService

    init(
        pool: PostgresPool, ids: StreamIDGenerator, publisher: any StreamPublisher,
        accountData: AccountDataService, clock: WallClock
    ) {
        self.pool = pool
        self.clock = clock
        self.accountData = accountData
        announcements = OrderedAnnouncements(ids: ids, publisher: publisher)
    }

    /// The receipts that clients may set.
    public static let types: Set<String> = ["m.read", "m.read.private", "m.fully_read"]

    /// Notes that a user, who is in the room, has read up to an event. `m.fully_read` goes to the user's
    /// account data instead. A receipt that points back is ignored, as is one for an unknown event.
    public func receive(
        type: String, roomID: String, userID: String, eventID: String, threadID: String?,
        on loop: isolated EventLoop
    ) async throws {
        if type == "m.fully_read" {
            let content: JSON = ["event_id": .string(eventID)]
            return try await accountData.store(
                content, type: type, userID: userID, roomID: roomID, on: loop)
        }
        let data: JSON = ["ts": .integer(clock.now)]
        let receipt = Receipts.Receipt(
            roomID: roomID, type: type, userID: userID, eventID: eventID, threadID: threadID,
            data: String(decoding: data.bytes, as: UTF8.self))
        var shown = data
        if let threadID { shown["thread_id"] = .string(threadID) }
        let row = ReceiptStreamRow(
            roomID: roomID, type: type, userID: userID, eventID: eventID,
            data: String(decoding: shown.bytes, as: UTF8.self))
        try await announcements.store(from: pool, on: loop) { streamID in
            let isNew = try await pool.transaction(on: loop) { connection in
                try await Receipts.store(receipt, streamID: streamID, in: connection, on: loop)
            }
            return ((), .receipts, isNew ? [.receipt(row)] : [])
        }
    }
}
