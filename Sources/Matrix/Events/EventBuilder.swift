public import JSON

/// An event in the making. Fill in the fields, then `build`.
public struct EventBuilder: Sendable {
    /// The version of the event's room.
    public var version: RoomVersion
    /// The room; nil for what creates a room of version 12 or later, whose identifier follows
    /// from the event.
    public var roomID: RoomID?
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
    /// The hashes of those events, see `Event.referenceHash`; needed where
    /// `RoomVersion.referencesHaveHashes`.
    public var referenceHashes: [EventID: [UInt8]] = [:]
    /// One more than the greatest depth of the previous events.
    public var depth: Int64 = 1
    /// The server's clock, in milliseconds since 1970.
    public var originServerTimestamp: Int64 = 0
    /// What the server adds without hashing it.
    public var unsigned: JSON.Object = [:]

    /// Starts an event.
    public init(
        version: RoomVersion, roomID: RoomID?, type: String, stateKey: String? = nil,
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

    /// Makes the event follow others and name those that allow it, with their hashes and the
    /// depth that follows.
    public mutating func follow(_ previous: [Event], allowedBy authEvents: [Event]) {
        previousEventIDs = previous.map(\.eventID)
        authEventIDs = authEvents.map(\.eventID)
        let greatest = previous.map(\.depth).max() ?? 0
        depth = greatest < version.depthMax ? greatest + 1 : version.depthMax
        guard version.referencesHaveHashes else { return }
        for event in previous + authEvents { referenceHashes[event.eventID] = event.referenceHash }
    }

    /// Hashes and signs the event and gives it its identifier. In room versions 1 and 2, where
    /// servers choose identifiers, that is made of a hash too.
    ///
    /// - Parameters:
    ///   - key: The server's key.
    ///   - server: The server's name; nil stands for the sender's server.
    /// - Returns: The finished event, within the size limits.
    /// - Throws: Which limit it breaks.
    public func build(
        signingWith key: SigningKey, as server: ServerName? = nil
    ) throws(EventError) -> Event {
        let server = server ?? sender.server
        var json = try fields()
        if version.eventIDFormat == .chosen {
            // As much of the hash as leaves room for a long server name.
            let hash = EventHash.contentHash(of: json).prefix(15)
            let opaque = Base64.encode(hash, alphabet: .urlSafe)
            json["event_id"] = .string("$\(opaque):\(server.text)")
        }
        let eventID = EventSignature.hashSignAndIdentify(
            &json, version: version, with: key, as: server)
        let event = try Event(json: json, version: version, eventID: eventID)
        try event.checkLimits()
        guard !unsigned.isEmpty else { return event }
        // Neither hash nor signature covers it, nor do the limits: it may repeat all of the state before.
        json["unsigned"] = .object(unsigned)
        return try Event(json: json, version: version, eventID: eventID)
    }

    private func fields() throws(EventError) -> JSON.Object {
        var json: JSON.Object = [
            "auth_events": try references(authEventIDs),
            "content": .object(content),
            "depth": .integer(min(depth, version.depthMax)),
            "origin_server_ts": .integer(originServerTimestamp),
            "prev_events": try references(previousEventIDs),
            "sender": sender.json,
            "type": .string(type),
        ]
        json["room_id"] = roomID?.json
        json["state_key"] = stateKey.map { .string($0) }
        if let redacts {
            if version.redactsIsInContent {
                json["content"]?["redacts"] = redacts.json
            } else {
                json["redacts"] = redacts.json
            }
        }
        return json
    }

    private func references(_ events: [EventID]) throws(EventError) -> JSON {
        guard version.referencesHaveHashes else { return .array(events.map(\.json)) }
        var pairs: [JSON] = []
        for event in events {
            guard let hash = referenceHashes[event] else {
                throw .missingReferenceHash(of: event)
            }
            pairs.append([event.json, ["sha256": .string(Base64.encode(hash))]])
        }
        return .array(pairs)
    }
}
