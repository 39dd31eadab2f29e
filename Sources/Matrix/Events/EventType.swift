import JSON

/// The event types that the rules of rooms know.
public enum EventType {
    /// The first event of a room.
    public static let create = "m.room.create"
    /// A user's membership.
    public static let member = "m.room.member"
    /// Who may do what.
    public static let powerLevels = "m.room.power_levels"
    /// How one becomes a member.
    public static let joinRules = "m.room.join_rules"
    /// Who may read.
    public static let historyVisibility = "m.room.history_visibility"
    /// Whether guests may join.
    public static let guestAccess = "m.room.guest_access"
    /// An invitation by e-mail or the like.
    public static let thirdPartyInvite = "m.room.third_party_invite"
    /// The removal of an event's content.
    public static let redaction = "m.room.redaction"
    /// The aliases of a server, in old rooms.
    public static let aliases = "m.room.aliases"
    /// The main alias.
    public static let canonicalAlias = "m.room.canonical_alias"
    /// The room's name.
    public static let name = "m.room.name"
    /// The room's topic.
    public static let topic = "m.room.topic"
    /// The room's picture.
    public static let avatar = "m.room.avatar"
    /// That and how the room is encrypted.
    public static let encryption = "m.room.encryption"
    /// That the room was replaced by another.
    public static let tombstone = "m.room.tombstone"
    /// Which servers may take part.
    public static let serverACL = "m.room.server_acl"
    /// A message.
    public static let message = "m.room.message"
    /// An encrypted event.
    public static let encrypted = "m.room.encrypted"
}

/// What places a state event in the state of its room.
public struct StateKey: Hashable, Sendable, CustomStringConvertible {
    /// The event's type.
    public let type: String
    /// The event's state key.
    public let key: String

    /// Makes a place.
    public init(_ type: String, _ key: String = "") {
        self.type = type
        self.key = key
    }

    /// The place of a user's membership.
    public static func member(_ user: UserID) -> StateKey {
        StateKey(EventType.member, user.text)
    }

    /// The place of `m.room.create`.
    public static let create = StateKey(EventType.create)
    /// The place of `m.room.power_levels`.
    public static let powerLevels = StateKey(EventType.powerLevels)
    /// The place of `m.room.join_rules`.
    public static let joinRules = StateKey(EventType.joinRules)
    /// The place of `m.room.history_visibility`.
    public static let historyVisibility = StateKey(EventType.historyVisibility)

    /// Equality of the bytes.
    public static func == (left: StateKey, right: StateKey) -> Bool {
        left.type.hasSameBytes(as: right.type) && left.key.hasSameBytes(as: right.key)
    }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) {
        type.hashBytes(into: &hasher)
        key.hashBytes(into: &hasher)
    }

    /// The type and the key.
    public var description: String { "(\(type), \(key))" }
}

/// The state of a room: an event, or what stands for one, for each place.
public typealias StateMap<Value> = [StateKey: Value]
