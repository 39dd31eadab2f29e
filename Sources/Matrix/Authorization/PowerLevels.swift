public import JSON

/// Who may do what in a room: `m.room.power_levels`, or the defaults if there is none.
///
/// Specification: client-server, "m.room.power_levels".
public struct PowerLevels: Sendable {
    /// The level of those whom `users` does not name.
    public let usersDefault: Int64
    /// The level for sending events that `events` does not name.
    public let eventsDefault: Int64
    /// The level for sending state events that `events` does not name.
    public let stateDefault: Int64
    /// The level for banning and unbanning.
    public let ban: Int64
    /// The level for kicking.
    public let kick: Int64
    /// The level for inviting.
    public let invite: Int64
    /// The level for redacting what others sent.
    public let redact: Int64
    private let content: JSON.Object
    private let creators: [UserID]
    private let creatorLevel: Int64?

    /// Reads the levels.
    ///
    /// - Parameters:
    ///   - content: The content of the room's `m.room.power_levels`; nil if it has none.
    ///   - creators: Those who created the room, see `creators(of:)`.
    ///   - version: The room's version.
    public init(_ content: JSON.Object?, creators: [UserID], version: RoomVersion) {
        let levels = content ?? [:]
        func level(_ key: String, default fallback: Int64) -> Int64 {
            levels[key].flatMap { Self.level($0, version: version) } ?? fallback
        }
        usersDefault = level("users_default", default: 0)
        eventsDefault = level("events_default", default: 0)
        stateDefault = level("state_default", default: 50)
        ban = level("ban", default: 50)
        kick = level("kick", default: 50)
        invite = level("invite", default: 0)
        redact = level("redact", default: 50)
        self.content = levels
        self.creators = creators
        self.version = version
        creatorLevel = version.creatorsOutrankAll ? .max : content == nil ? 100 : nil
    }

    private let version: RoomVersion

    /// Reads the levels from a room's state.
    public init(state: StateMap<Event>, version: RoomVersion) {
        self.init(
            state[.powerLevels]?.content,
            creators: state[.create].map(Self.creators(of:)) ?? [], version: version)
    }

    /// Those who created the room: first the one who made it, and from room version 12 on the
    /// additional creators.
    public static func creators(of create: Event) -> [UserID] {
        let version = create.version
        guard version.creatorIsSender else {
            return create.content["creator"]?.stringValue.flatMap { UserID($0) }.map { [$0] } ?? []
        }
        guard version.creatorsOutrankAll else { return [create.sender] }
        let additional = create.content["additional_creators"]?.arrayValue ?? []
        return [create.sender] + additional.compactMap { $0.stringValue.flatMap { UserID($0) } }
    }

    /// The user's level.
    public func level(of user: UserID) -> Int64 {
        if let creatorLevel, creators.contains(user) { return creatorLevel }
        let level = content["users"]?[user.text].flatMap { Self.level($0, version: version) }
        return level ?? usersDefault
    }

    /// The level for sending such an event.
    public func required(forType type: String, isState: Bool) -> Int64 {
        let level = content["events"]?[type].flatMap { Self.level($0, version: version) }
        return level ?? (isState ? stateDefault : eventsDefault)
    }

    /// The level for triggering a kind of notification, such as `room`.
    public func required(forNotification kind: String) -> Int64 {
        let level = content["notifications"]?[kind].flatMap { Self.level($0, version: version) }
        return level ?? 50
    }

    /// Whether the redaction is to be applied to the event, given that both are valid.
    ///
    /// Specification: room versions, "Handling redactions".
    public func allowsRedacting(_ original: Event, by redactor: UserID) -> Bool {
        level(of: redactor) >= redact || redactor.server == original.sender.server
    }

    /// The level that a value stands for. Before room version 10 texts of integers count, as
    /// do doubles, of which the integral part is taken.
    static func level(_ value: JSON, version: RoomVersion) -> Int64? {
        switch value {
        case .integer(let level): return level
        case .string(let text) where !version.requiresIntegerPowerLevels:
            let digits = text.drop(while: \.isWhitespace)
            let end = digits.lastIndex { !$0.isWhitespace }
            return end.flatMap { Int64(digits[...$0]) }
        case .double(let level) where !version.requiresIntegerPowerLevels:
            return Int64(exactly: level.rounded(.towardZero))
        default: return nil
        }
    }
}
