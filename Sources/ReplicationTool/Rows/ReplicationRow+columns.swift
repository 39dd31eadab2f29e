internal import JSON
internal import ReplicationWire

/// A column of a row under the name that the protocol's documents give it.
struct Column: Equatable {
    let name: String
    let value: JSON

    init(_ name: String, _ value: JSON) {
        self.name = name
        self.value = value
    }

    init(_ name: String, _ text: String?) { self.init(name, text.map { .string($0) } ?? .null) }
    init(_ name: String, _ number: Int64) { self.init(name, .integer(number)) }
    init(_ name: String, _ flag: Bool) { self.init(name, .bool(flag)) }

    init(_ name: String, _ texts: [String]?) {
        self.init(name, texts.map { .array($0.map { .string($0) }) } ?? .null)
    }

    /// JSON that travels as text: shown as the value that it is.
    init(_ name: String, embedded text: String?) {
        let value = text.map { (try? JSON(parsing: $0)) ?? .string($0) }
        self.init(name, value ?? .null)
    }
}

extension ReplicationRow {
    /// The row's columns in the order of the wire.
    func columns(dialect: Dialect) -> [Column] {
        switch self {
        case .event(let row): row.columns(dialect: dialect)
        case .state(let row):
            [
                Column("room_id", row.roomID), Column("type", row.type),
                Column("state_key", row.stateKey), Column("event_id", row.eventID),
            ]
        case .presence(let row): row.columns
        case .typing(let row): [Column("room_id", row.roomID), Column("user_ids", row.userIDs)]
        case .receipt(let row):
            [
                Column("room_id", row.roomID), Column("receipt_type", row.type),
                Column("user_id", row.userID), Column("event_id", row.eventID),
                Column("data", embedded: row.data),
            ]
        case .pushRules(let row): [Column("user_id", row.userID)]
        case .pusher(let row):
            [
                Column("user_id", row.userID), Column("app_id", row.appID),
                Column("pushkey", row.pushKey), Column("deleted", row.isDeleted),
            ]
        case .cache(let row):
            [
                Column("cache_name", row.cache), Column("keys", row.keys),
                Column("invalidation_ts", row.invalidatedMilliseconds),
            ]
        case .publicRoom(let row):
            [
                Column("room_id", row.roomID), Column("visibility", row.isVisible),
                Column("appservice_id", row.appServiceID), Column("network_id", row.networkID),
            ]
        case .deviceList(let row):
            [Column("user_id", row.userID)]
                + (dialect == .classic ? [Column("destination", row.destination)] : [])
        case .toDevice(let row): [Column("entity", row.entity)]
        case .federation(let row): [Column("type", row.kind), Column("data", row.data)]
        case .tagAccountData(let row):
            [
                Column("user_id", row.userID), Column("room_id", row.roomID),
                Column("data", embedded: row.data),
            ]
        case .accountData(let row):
            [
                Column("user_id", row.userID), Column("room_id", row.roomID),
                Column("data_type", row.type),
            ] + (dialect == .classic ? [Column("data", embedded: row.data)] : [])
        case .other(let value): [Column("row", value)]
        }
    }
}

extension EventStreamRow {
    fileprivate func columns(dialect: Dialect) -> [Column] {
        let columns = [
            Column("event_id", eventID), Column("room_id", roomID), Column("type", type),
            Column("state_key", stateKey), Column("redacts", redacts),
        ]
        guard dialect == .named else { return columns }
        return columns + [
            Column("relates_to", relatesTo), Column("membership", membership),
            Column("rejected", isRejected), Column("outlier", isOutlier),
        ]
    }
}

extension PresenceStreamRow {
    fileprivate var columns: [Column] {
        [
            Column("user_id", userID), Column("state", state),
            Column("last_active_ts", lastActiveMilliseconds),
            Column("last_federation_update_ts", lastFederationUpdateMilliseconds),
            Column("last_user_sync_ts", lastUserSyncMilliseconds),
            Column("status_msg", statusMessage), Column("currently_active", isCurrentlyActive),
        ]
    }
}
