import JSON
import Postgres
import Reactor
import ReplicationWire
import Storage

/// Tells everybody who shares a room with a user that the user's devices or keys changed: feeds `device_lists`.
final class DeviceListChanges {
    private let pool: PostgresPool
    private let clock: WallClock
    private let announcements: OrderedAnnouncements

    init(
        pool: PostgresPool, ids: StreamIDGenerator, publisher: any StreamPublisher,
        clock: WallClock
    ) {
        self.pool = pool
        self.clock = clock
        announcements = OrderedAnnouncements(ids: ids, publisher: publisher)
    }

    /// Runs `body` in a transaction, and if it says which devices changed announces that together with it.
    func change<Result>(
        of userID: String, on loop: isolated EventLoop,
        _ body: (PostgresConnection) async throws -> (result: Result, deviceIDs: [String])
    ) async throws -> Result {
        let now = clock.now
        return try await announcements.store(from: pool, on: loop) { streamID in
            let (result, isChanged) = try await pool.transaction(on: loop) { connection in
                let (result, deviceIDs) = try await body(connection)
                try await DeviceLists.add(
                    userID: userID, deviceIDs: deviceIDs, streamID: streamID, now: now,
                    in: connection, on: loop)
                return (result, !deviceIDs.isEmpty)
            }
            let row = ReplicationRow.deviceList(DeviceListsStreamRow(userID: userID))
            return (result, .deviceLists, isChanged ? [row] : [])
        }
    }

    /// Announces to a user alone that it has signed keys of others.
    func signed(
        by userID: String, under userIDs: [String], on loop: isolated EventLoop,
        _ body: (PostgresConnection) async throws -> Void
    ) async throws {
        var text: [UInt8] = [UInt8(ascii: "[")]
        for (index, userID) in userIDs.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            text.appendJSONString(userID)
        }
        text.append(UInt8(ascii: "]"))
        let list = String(decoding: text, as: UTF8.self)
        try await announcements.store(from: pool, on: loop) { streamID in
            try await pool.transaction(on: loop) { connection in
                try await body(connection)
                try await DeviceLists.addSignatures(
                    by: userID, under: list, streamID: streamID, in: connection, on: loop)
            }
            let row = ReplicationRow.deviceList(DeviceListsStreamRow(userID: userID))
            return ((), .deviceLists, [row])
        }
    }
}
