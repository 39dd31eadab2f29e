/// A row of `events` or `backfill`: one event.
public struct EventStreamRow: Sendable, Hashable {
    /// The event's id.
    public var eventID: String
    /// The event's room.
    public var roomID: String
    /// The event's type.
    public var type: String
    /// The state key of a state event.
    public var stateKey: String?
    /// The event that it redacts.
    public var redacts: String?
    /// The event that it relates to; only the named dialect says it.
    public var relatesTo: String?
    /// The membership of a membership event; only the named dialect says it.
    public var membership: String?
    /// Whether the event was rejected; only the named dialect says it.
    public var isRejected: Bool
    /// Whether the event is an outlier; only the named dialect says it.
    public var isOutlier: Bool

    /// A row.
    public init(
        eventID: String, roomID: String, type: String, stateKey: String? = nil,
        redacts: String? = nil, relatesTo: String? = nil, membership: String? = nil,
        isRejected: Bool = false, isOutlier: Bool = false
    ) {
        self.eventID = eventID
        self.roomID = roomID
        self.type = type
        self.stateKey = stateKey
        self.redacts = redacts
        self.relatesTo = relatesTo
        self.membership = membership
        self.isRejected = isRejected
        self.isOutlier = isOutlier
    }
}

extension EventStreamRow: StreamRow {
    init(reading reader: inout RowReader) throws(RowError) {
        self.init(
            eventID: try reader.string(), roomID: try reader.string(), type: try reader.string(),
            stateKey: try reader.optionalString(), redacts: try reader.anyStringIfPresent(),
            relatesTo: try reader.anyStringIfPresent(),
            membership: try reader.anyStringIfPresent(),
            isRejected: try reader.boolIfPresent() ?? false,
            isOutlier: try reader.boolIfPresent() ?? false)
    }

    func write(to writer: inout RowWriter, dialect: Dialect) {
        writer.string(eventID)
        writer.string(roomID)
        writer.string(type)
        writer.optionalString(stateKey)
        writer.optionalString(redacts)
        guard dialect == .named else { return }
        writer.optionalString(relatesTo)
        writer.optionalString(membership)
        writer.bool(isRejected)
        writer.bool(isOutlier)
    }
}

/// A row of `current_state_deltas`, or one tagged `state` in `events`: an entry of a room's
/// current state changed.
public struct StateStreamRow: Sendable, Hashable {
    /// The room.
    public var roomID: String
    /// The entry's event type.
    public var type: String
    /// The entry's state key.
    public var stateKey: String
    /// The event that is there now, if any.
    public var eventID: String?

    /// A row.
    public init(roomID: String, type: String, stateKey: String, eventID: String?) {
        self.roomID = roomID
        self.type = type
        self.stateKey = stateKey
        self.eventID = eventID
    }
}

extension StateStreamRow: StreamRow {
    init(reading reader: inout RowReader) throws(RowError) {
        self.init(
            roomID: try reader.string(), type: try reader.string(), stateKey: try reader.string(),
            eventID: try reader.optionalString())
    }

    func write(to writer: inout RowWriter, dialect: Dialect) {
        writer.string(roomID)
        writer.string(type)
        writer.string(stateKey)
        writer.optionalString(eventID)
    }
}
