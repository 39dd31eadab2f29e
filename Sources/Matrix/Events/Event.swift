public import JSON

/// An event of a room (a PDU), parsed and immutable.
///
/// Specification: room versions, "Event format".
public final class Event: Sendable {
    /// The version of the event's room.
    public let version: RoomVersion
    /// The whole event as servers exchange it.
    public let json: JSON.Object
    /// The event's identifier.
    public let eventID: EventID
    /// The room. Of a create event from room version 12 on it is computed; see `RoomID`.
    public let roomID: RoomID
    /// What kind of event it is.
    public let type: String
    /// For a state event, its place among those of its type.
    public let stateKey: String?
    /// Who sent it.
    public let sender: UserID
    /// What it says.
    public let content: JSON.Object
    /// The events that it follows.
    public let previousEventIDs: [EventID]
    /// The events that allow it.
    public let authEventIDs: [EventID]
    /// Its distance from the create event.
    public let depth: Int64
    /// Its sender's clock, in milliseconds since 1970.
    public let originServerTimestamp: Int64

    /// Checks the form of an event. Sizes are checked by `checkLimits()`, hashes and signatures
    /// by `EventHash` and `EventSignature`.
    ///
    /// - Parameters:
    ///   - json: The event as servers exchange it.
    ///   - version: The version of its room.
    ///   - eventID: Its identifier if it is known, as of a stored event; else it is computed.
    /// - Throws: Which field is wrong.
    public init(
        json: JSON.Object, version: RoomVersion, eventID: EventID? = nil
    ) throws(EventError) {
        let fields = EventFields(json)
        self.version = version
        self.json = json
        type = try fields.string("type")
        if version.eventIDFormat == .chosen, eventID == nil { try fields.checkChosenEventID() }
        self.eventID = eventID ?? EventHash.eventID(of: json, version: version)
        if version.roomIDIsHash, type == EventType.create {
            roomID = RoomID(createdBy: self.eventID)
        } else {
            roomID = try fields.identifier("room_id")
        }
        stateKey = try fields.optionalString("state_key")
        sender = try fields.identifier("sender")
        content = try fields.object("content")
        previousEventIDs = try fields.references("prev_events", version: version)
        authEventIDs = try fields.references("auth_events", version: version)
        depth = try fields.integer("depth")
        originServerTimestamp = try fields.integer("origin_server_ts")
    }

    /// Parses an event's text.
    ///
    /// - Parameters:
    ///   - text: The event as servers exchange it.
    ///   - version: The version of its room.
    ///   - eventID: Its identifier if it is known, as of a stored event; else it is computed.
    /// - Throws: Why it is not an event.
    public convenience init(
        parsing text: RawSpan, version: RoomVersion, eventID: EventID? = nil
    ) throws(EventError) {
        let value: JSON
        do {
            value = try JSON(parsing: text)
        } catch {
            throw .json(error)
        }
        guard let object = value.objectValue else { throw .notAnObject }
        try self.init(json: object, version: version, eventID: eventID)
    }

    /// Parses an event's text.
    ///
    /// - Parameters:
    ///   - text: The event as servers exchange it.
    ///   - version: The version of its room.
    ///   - eventID: Its identifier if it is known, as of a stored event; else it is computed.
    /// - Throws: Why it is not an event.
    public convenience init(
        parsing text: String, version: RoomVersion, eventID: EventID? = nil
    ) throws(EventError) {
        try self.init(parsing: Array(text.utf8).span.bytes, version: version, eventID: eventID)
    }
}

extension Event {
    /// Whether it is part of the room's state.
    public var isState: Bool { stateKey != nil }

    /// Its place in the room's state, if it has one.
    public var statePlace: StateKey? { stateKey.map { StateKey(type, $0) } }

    /// What other servers said about the event, not covered by hashes.
    public var unsigned: JSON.Object { json["unsigned"]?.objectValue ?? [:] }

    /// The event that a redaction redacts.
    public var redacts: EventID? {
        guard type == EventType.redaction else { return nil }
        let holder = version.redactsIsInContent ? content : json
        return holder["redacts"]?.stringValue.flatMap { EventID($0) }
    }

    /// The membership that an `m.room.member` event sets; nil if it names none that is known.
    public var membership: Membership? {
        guard type == EventType.member else { return nil }
        return content["membership"]?.stringValue.flatMap { Membership(rawValue: $0) }
    }

    /// The hash by which events of room versions 1 and 2 refer to this one.
    public var referenceHash: [UInt8] { EventHash.referenceHash(of: json, version: version) }

    /// The event as the redaction algorithm leaves it, under the same identifier.
    public func redacted() -> Event {
        // The algorithm keeps every field that the initializer asks for.
        let kept = Redaction.redact(json, version: version)
        return (try? Event(json: kept, version: version, eventID: eventID)) ?? self
    }

    /// Holds the event against the size limits of the specification's "Size limits" and, where
    /// the room version asks for it, against canonical JSON.
    public func checkLimits() throws(EventError) {
        try EventLimits.check(self)
    }
}

/// What a user is to a room.
public enum Membership: String, Sendable, Hashable, CaseIterable {
    /// Invited and not answered.
    case invite
    /// A member.
    case join
    /// Not a member (any more), or kicked.
    case leave
    /// Excluded.
    case ban
    /// Asked to be invited.
    case knock
}
