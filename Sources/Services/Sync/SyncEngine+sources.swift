public import Postgres
public import Reactor
public import ReplicationWire
import Storage

/// On the main process the engine listens to the local announcements: `hub.subscribe(engine, on: loop)`.
extension SyncEngine: StreamPublisher {
    /// Takes announced rows in.
    public func publish(
        _ stream: StreamName, token: Int64, rows: [ReplicationRow], on loop: isolated EventLoop
    ) {
        streamAdvanced(StreamBatch(stream: stream, token: token, rows: rows), on: loop)
    }
}

extension StreamToken {
    /// Where the database stands: the place at which an engine starts that has heard nothing yet.
    ///
    /// A transaction under way may still fill in a lower position of the receipts and account data, so a worker
    /// that starts from here subscribes from here too, and not from `NOW`.
    public static func stored(
        in pool: PostgresPool, on loop: isolated EventLoop
    ) async throws -> StreamToken {
        var token = StreamToken(
            room: try await Events.maximumStreamOrdering(in: pool, on: loop))
        token.receipt = try await Receipts.maximumStreamID(in: pool, on: loop)
        token.accountData = try await AccountData.maximumStreamID(in: pool, on: loop)
        token.presence = try await PresenceStates.maximumStreamID(in: pool, on: loop)
        token.pushRules = try await PushRules.maximumStreamID(in: pool, on: loop)
        token.toDevice = try await DeviceInbox.maximumStreamID(in: pool, on: loop)
        token.deviceList = try await DeviceLists.maximumStreamID(in: pool, on: loop)
        return token
    }
}
