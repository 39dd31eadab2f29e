public import JSON

/// An event in the making. Fill in the fields, then `build`.
public struct EventBuilder: Sendable {
    /// The version of the event's room.
    public var version: RoomVersion
    /// The room.
    public var roomID: RoomID
    /// What kind of event it is.
    public var type: String
    /// For a state event, its place among those of its type.
    public var stateKey: String?
    /// Who sends it.
    public var sender: UserID
    /// What it says.
    public var content: JSON.Object
    /// The event that a redaction redacts; put where the room version wants it.
    public var redacts: EventID?
    /// The room's forward extremities.
    public var previousEventIDs: [EventID] = []
    /// The events that allow it, chosen by `AuthRules.authEventPlaces`.
    public var authEventIDs: [EventID] = []
    /// One more than the greatest depth of the previous events.
    public var depth: Int64 = 1
    /// The server's clock, in milliseconds since 1970.
    public var originServerTimestamp: Int64 = 0
    /// What the server adds without hashing it.
    public var unsigned: JSON.Object = [:]

    /// The greatest depth that is written; events beyond it share it.
    public static let depthMax: Int64 = (1 << 53) - 1

    /// Starts an event.
    public init(
        version: RoomVersion, roomID: RoomID, type: String, stateKey: String? = nil,
        sender: UserID, content: JSON.Object, redacts: EventID? = nil
    ) {
        self.version = version
        self.roomID = roomID
        self.type = type
        self.stateKey = stateKey
        self.sender = sender
        self.content = content
        self.redacts = redacts
    }

    /// Hashes and signs the event and gives it its identifier.
    ///
    /// - Parameters:
    ///   - key: The server's key.
    ///   - server: The server's name; nil stands for the sender's server.
    /// - Returns: The finished event, within the size limits.
    /// - Throws: Which limit it breaks.
    public func build(
        signingWith key: SigningKey, as server: ServerName? = nil
    ) throws(EventError) -> Event {
        var json: JSON.Object = [
            "auth_events": .array(authEventIDs.map(\.json)),
            "content": .object(content),
            "depth": .integer(min(depth, Self.depthMax)),
            "origin_server_ts": .integer(originServerTimestamp),
            "prev_events": .array(previousEventIDs.map(\.json)),
            "room_id": roomID.json,
            "sender": sender.json,
            "type": .string(type),
        ]
        if let stateKey { json["state_key"] = .string(stateKey) }
        if let redacts {
            if version.redactsIsInContent {
                json["content"]?["redacts"] = redacts.json
            } else {
                json["redacts"] = redacts.json
            }
        }
        let eventID = EventSignature.hashSignAndIdentify(
            &json, version: version, with: key, as: server ?? sender.server)
        let event = try Event(json: json, version: version, eventID: eventID)
        try event.checkLimits()
        guard !unsigned.isEmpty else { return event }
        // Neither hash nor signature covers it, nor do the limits: it may repeat all of the state before.
        json["unsigned"] = .object(unsigned)
        return try Event(json: json, version: version, eventID: eventID)
    }
}
