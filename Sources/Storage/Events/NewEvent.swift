/// An event that passed the auth rules, with everything that the tables need to know about it.
public struct NewEvent: Sendable {
    /// The membership that an `m.room.member` event sets.
    public struct Membership: Sendable, Hashable {
        /// Whose membership it is: the state key.
        public var userID: String
        /// `join`, `invite`, `leave`, `ban` or `knock`.
        public var membership: String
        /// The display name in the content.
        public var displayName: String?
        /// The avatar in the content.
        public var avatarURL: String?
        /// Whether the user is this server's.
        public var isLocal: Bool
        /// Whether the user was joined before, so that a `join` only changes the profile.
        public var wasJoined = false

        /// A membership with these fields.
        public init(
            userID: String, membership: String, displayName: String?, avatarURL: String?,
            isLocal: Bool
        ) {
            self.userID = userID
            self.membership = membership
            self.displayName = displayName
            self.avatarURL = avatarURL
            self.isLocal = isLocal
        }
    }

    /// An `m.relates_to` of the content.
    public struct Relation: Sendable, Hashable {
        /// The event related to.
        public var eventID: String
        /// `m.annotation`, `m.replace`, `m.thread` and the like.
        public var type: String
        /// The key of an annotation.
        public var key: String?

        /// A relation with these fields.
        public init(eventID: String, type: String, key: String?) {
            self.eventID = eventID
            self.type = type
            self.key = key
        }
    }

    /// The device and transaction id that a client sent the event with.
    public struct Transaction: Sendable, Hashable {
        /// The sending user.
        public var userID: String
        /// The sending device.
        public var deviceID: String
        /// The client's id for the request.
        public var id: String

        /// A transaction with these fields.
        public init(userID: String, deviceID: String, id: String) {
            self.userID = userID
            self.deviceID = deviceID
            self.id = id
        }
    }

    /// The event's id.
    public var eventID: String
    /// The room it belongs to.
    public var roomID: String
    /// Its type.
    public var type: String
    /// Its state key; nil for message events.
    public var stateKey: String?
    /// Who sent it.
    public var sender: String
    /// Its distance from the create event; also its topological ordering.
    public var depth: Int64
    /// The sender's clock, in milliseconds.
    public var originServerTimestamp: Int64
    /// This server's clock when the event arrived, in milliseconds.
    public var receivedTimestamp: Int64
    /// Whether the content has a `url`.
    public var containsURL: Bool
    /// The whole event as JSON text.
    public var json: String
    /// What only this server knows of the event (transaction id, token), as JSON text.
    public var internalMetadata: String
    /// How the event is formatted: 1 for room versions 1 and 2, 2 for 3, 3 for 4 and later.
    public var formatVersion: Int64
    /// The events it follows.
    public var previousEventIDs: [String]
    /// The events that allow it.
    public var authEventIDs: [String]
    /// The state event with the same type and state key that it replaces.
    public var replacesEventID: String?
    /// The event that it redacts.
    public var redacts: String?
    /// The membership that it sets.
    public var membership: Membership?
    /// What it relates to.
    public var relation: Relation?
    /// The client's transaction.
    public var transaction: Transaction?
    /// Who is notified of it; nil for nobody.
    public var push: Push?
    /// The state group of the room *after* the event.
    public var stateGroup: Int64

    /// An event with these fields; the optional ones are set afterwards.
    public init(
        eventID: String, roomID: String, type: String, stateKey: String?, sender: String,
        depth: Int64, originServerTimestamp: Int64, receivedTimestamp: Int64, containsURL: Bool,
        json: String, internalMetadata: String, formatVersion: Int64,
        previousEventIDs: [String], authEventIDs: [String], stateGroup: Int64
    ) {
        self.eventID = eventID
        self.roomID = roomID
        self.type = type
        self.stateKey = stateKey
        self.sender = sender
        self.depth = depth
        self.originServerTimestamp = originServerTimestamp
        self.receivedTimestamp = receivedTimestamp
        self.containsURL = containsURL
        self.json = json
        self.internalMetadata = internalMetadata
        self.formatVersion = formatVersion
        self.previousEventIDs = previousEventIDs
        self.authEventIDs = authEventIDs
        self.stateGroup = stateGroup
    }
}

/// A state group that an event starts: the one before with a change, or all of the state.
public struct NewStateGroup: Sendable, Hashable {
    /// One piece of state.
    public struct Entry: Sendable, Hashable {
        /// The event type.
        public var type: String
        /// The state key.
        public var stateKey: String
        /// The event that holds it.
        public var eventID: String

        /// An entry with these fields.
        public init(type: String, stateKey: String, eventID: String) {
            self.type = type
            self.stateKey = stateKey
            self.eventID = eventID
        }
    }

    /// The number of the group, from `StateGroupIDs`.
    public var id: Int64
    /// The room whose state it is.
    public var roomID: String
    /// The event that starts it.
    public var eventID: String
    /// The group that `entries` are a change to; nil when they are the whole state.
    public var previous: Int64?
    /// The change, or the whole state.
    public var entries: [Entry]

    /// A group with these fields.
    public init(id: Int64, roomID: String, eventID: String, previous: Int64?, entries: [Entry]) {
        self.id = id
        self.roomID = roomID
        self.eventID = eventID
        self.previous = previous
        self.entries = entries
    }
}

/// A ``NewEvent`` with the position that it is stored under.
struct PositionedEvent {
    let event: NewEvent
    let streamOrdering: Int64
}
