public import JSON

/// The events that make a new room, as `createRoom` asks for them.
///
/// Specification: client-server, `POST /createRoom`.
public struct RoomCreation: Sendable {
    /// A common set of rules for a new room.
    public enum Preset: String, Sendable, CaseIterable {
        /// By invitation.
        case privateChat = "private_chat"
        /// By invitation, those invited being the creator's equals.
        case trustedPrivateChat = "trusted_private_chat"
        /// Open to all.
        case publicChat = "public_chat"
    }

    /// An event to send; all are state events of the creator.
    public struct InitialEvent: Sendable, Hashable {
        /// The event's type.
        public let type: String
        /// The event's state key.
        public let stateKey: String
        /// What it says.
        public let content: JSON.Object

        /// Makes an event.
        public init(_ type: String, stateKey: String = "", content: JSON.Object) {
            self.type = type
            self.stateKey = stateKey
            self.content = content
        }

        /// Its place in the room's state.
        public var place: StateKey { StateKey(type, stateKey) }
    }

    /// The room's version.
    public var version: RoomVersion
    /// Who creates the room.
    public var creator: UserID
    /// The set of rules.
    public var preset: Preset
    /// Further content of `m.room.create`.
    public var creationContent: JSON.Object = [:]
    /// The content of the creator's member event beside `membership`: name and picture.
    public var creatorProfile: JSON.Object = [:]
    /// What replaces parts of the default power levels.
    public var powerLevelOverride: JSON.Object = [:]
    /// The main alias, which must be made separately.
    public var canonicalAlias: RoomAlias?
    /// State events that win over the preset's.
    public var initialState: [InitialEvent] = []
    /// The room's name.
    public var name: String?
    /// The room's topic.
    public var topic: String?
    /// Whom to invite.
    public var invitees: [UserID] = []
    /// Whether the invitations say that this is a direct chat.
    public var isDirect = false

    /// Starts the creation of a room.
    public init(version: RoomVersion, creator: UserID, preset: Preset) {
        self.version = version
        self.creator = creator
        self.preset = preset
    }

    /// The events in the order in which they must be sent, invitations last.
    public var events: [InitialEvent] {
        var events = [
            InitialEvent(EventType.create, content: createContent),
            InitialEvent(
                EventType.member, stateKey: creator.text,
                content: creatorProfile.merging(["membership": "join"])),
        ]
        let overridden = Set(initialState.map(\.place))
        func add(_ event: InitialEvent) {
            if !overridden.contains(event.place) { events.append(event) }
        }
        add(InitialEvent(EventType.powerLevels, content: powerLevels))
        if let canonicalAlias {
            add(InitialEvent(EventType.canonicalAlias, content: ["alias": canonicalAlias.json]))
        }
        for event in presetEvents { add(event) }
        events += initialState.filter { $0.type != EventType.create }
        if let name {
            events.append(InitialEvent(EventType.name, content: ["name": .string(name)]))
        }
        if let topic { events.append(InitialEvent(EventType.topic, content: Self.topic(topic))) }
        return events + invitations
    }

    /// The content of `m.room.create`.
    public var createContent: JSON.Object {
        var content = creationContent
        content["room_version"] = .string(version.identifier)
        content["creator"] = version.creatorIsSender ? nil : creator.json
        if version.creatorsOutrankAll, preset == .trustedPrivateChat, !invitees.isEmpty {
            // There is no level that would make somebody the creator's equal.
            var creators = content["additional_creators"]?.arrayValue ?? []
            for invitee in invitees where !creators.contains(invitee.json) {
                creators.append(invitee.json)
            }
            content["additional_creators"] = .array(creators)
        }
        return content
    }

    /// The content of `m.room.power_levels`.
    public var powerLevels: JSON.Object {
        var users: JSON.Object = [:]
        if !version.creatorsOutrankAll {
            users[creator.text] = 100
            if preset == .trustedPrivateChat {
                for invitee in invitees { users[invitee.text] = 100 }
            }
        }
        return Self.defaultPowerLevels(users: users, version: version).merging(powerLevelOverride)
    }

    /// The power levels of a new room: its creator governs, others talk and invite.
    public static func defaultPowerLevels(
        users: JSON.Object, version: RoomVersion
    ) -> JSON.Object {
        [
            "ban": 50, "kick": 50, "redact": 50, "invite": 0,
            "events_default": 0, "state_default": 50, "users_default": 0,
            "users": .object(users),
            "events": [
                "m.room.avatar": 50, "m.room.canonical_alias": 50, "m.room.encryption": 100,
                "m.room.history_visibility": 100, "m.room.name": 50, "m.room.power_levels": 100,
                "m.room.server_acl": 100, "m.room.topic": 50,
                "m.room.tombstone": version.creatorsOutrankAll ? 150 : 100,
            ],
        ]
    }

    private var presetEvents: [InitialEvent] {
        let isPublic = preset == .publicChat
        return [
            InitialEvent(
                EventType.joinRules, content: ["join_rule": isPublic ? "public" : "invite"]),
            InitialEvent(EventType.historyVisibility, content: ["history_visibility": "shared"]),
            InitialEvent(
                EventType.guestAccess,
                content: ["guest_access": isPublic ? "forbidden" : "can_join"]),
        ]
    }

    private var invitations: [InitialEvent] {
        invitees.map { invitee in
            var content: JSON.Object = ["membership": "invite"]
            if isDirect { content["is_direct"] = true }
            return InitialEvent(EventType.member, stateKey: invitee.text, content: content)
        }
    }

    private static func topic(_ topic: String) -> JSON.Object {
        [
            "topic": .string(topic),
            "m.topic": ["m.text": [["body": .string(topic), "mimetype": "text/plain"]]],
        ]
    }
}
