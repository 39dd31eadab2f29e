public import JSON
import Matrix
import Postgres
public import Reactor
import ReplicationWire
public import Storage

/// Messages from device to device, which wait until the other device fetches them. On the main process's loop.
public final class ToDeviceService {
    private let settings: HomeserverSettings
    private let pool: PostgresPool
    private let clock: WallClock
    private let announcements: OrderedAnnouncements

    init(
        settings: HomeserverSettings, pool: PostgresPool, ids: StreamIDGenerator,
        publisher: any StreamPublisher, clock: WallClock
    ) {
        self.settings = settings
        self.pool = pool
        self.clock = clock
        announcements = OrderedAnnouncements(ids: ids, publisher: publisher)
    }

    /// The longest content of a message, in bytes.
    static let contentBytesMax = 65_536
    /// Of one request.
    static let messagesMax = 10_000

    /// Sends what a request to `PUT /sendToDevice/{eventType}/{txnId}` holds: contents by user and device, `*` standing
    /// for all devices of the user.
    ///
    /// A transaction of a device is carried out once, also when it is repeated after a restart. Users of other servers get
    /// nothing as long as there is no federation.
    public func send(
        _ body: JSON, type: String, transactionID: String, owner: AccessTokens.Owner,
        on loop: isolated EventLoop
    ) async throws {
        let messages = try messages(body, type: type, sender: owner.userID)
        let transaction = DeviceTransactions.Transaction(
            origin: settings.serverName,
            id: [owner.userID, owner.deviceID ?? "", transactionID].joined(separator: " "))
        let now = clock.now
        try await announcements.store(from: pool, on: loop) { streamID in
            let users = try await pool.transaction(on: loop) { connection in
                let isNew = try await DeviceTransactions.begin(
                    transaction, now: now, in: connection, on: loop)
                guard isNew, !messages.isEmpty else { return Set<String>() }
                return try await DeviceInbox.add(
                    messages, streamID: streamID, in: connection, on: loop)
            }
            let rows = users.sorted().map { ReplicationRow.toDevice(ToDeviceStreamRow(entity: $0)) }
            return ((), .toDevice, rows)
        }
    }

    private func messages(
        _ body: JSON, type: String, sender: String
    ) throws(MatrixError) -> [DeviceInbox.Message] {
        guard let value = body["messages"] else { throw .missingParameter("messages") }
        guard let users = value.objectValue else { throw .badJSON("messages must be an object") }
        var messages: [DeviceInbox.Message] = []
        for (userID, devices) in users {
            guard UserID(userID) != nil else { throw .invalidParameter("\(userID) is no user") }
            guard let devices = devices.objectValue else {
                throw .badJSON("messages.\(userID) must be an object")
            }
            for (deviceID, content) in devices {
                guard content.objectValue != nil else {
                    throw .badJSON("messages.\(userID).\(deviceID) must be an object")
                }
                let event: JSON = [
                    "content": content, "sender": .string(sender), "type": .string(type),
                ]
                let bytes = event.bytes
                guard bytes.count <= Self.contentBytesMax else {
                    throw MatrixError(
                        413, "M_TOO_LARGE", "A message to \(userID) is longer than 64 KiB")
                }
                guard userID.hasSuffix(":\(settings.serverName)") else { continue }
                messages.append(
                    DeviceInbox.Message(
                        userID: userID, deviceID: deviceID,
                        json: String(decoding: bytes, as: UTF8.self)))
            }
        }
        guard messages.count <= Self.messagesMax else {
            throw MatrixError(413, "M_TOO_LARGE", "A request holds at most 10000 messages")
        }
        return messages
    }
}
