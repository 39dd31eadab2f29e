import JSON

/// A version of the rules by which a room works.
///
/// The rules differ in the properties below; code asks for a property, never for a version.
public enum RoomVersion: String, CaseIterable, Sendable, Hashable, Comparable {
    /// The version of this number.
    case v1 = "1"
    /// The version of this number.
    case v2 = "2"
    /// The version of this number.
    case v3 = "3"
    /// The version of this number.
    case v4 = "4"
    /// The version of this number.
    case v5 = "5"
    /// The version of this number.
    case v6 = "6"
    /// The version of this number.
    case v7 = "7"
    /// The version of this number.
    case v8 = "8"
    /// The version of this number.
    case v9 = "9"
    /// The version of this number.
    case v10 = "10"
    /// The version of this number.
    case v11 = "11"
    /// The version of this number.
    case v12 = "12"

    /// The versions whose rules are complete here; rooms of others are neither made nor joined.
    public static let supported = allCases

    /// What `m.room.create` has in `room_version`.
    public var identifier: String { rawValue }

    /// The order in which the versions appeared.
    public static func < (left: RoomVersion, right: RoomVersion) -> Bool {
        left.number < right.number
    }

    private var number: Int {
        Self.allCases.firstIndex(of: self).map { $0 + 1 } ?? 0
    }
}

extension RoomVersion {
    /// How an event gets its identifier.
    public enum EventIDFormat: Sendable {
        /// The server that makes the event chooses one.
        case chosen
        /// The reference hash in standard Base64.
        case hash
        /// The reference hash in URL-safe Base64.
        case urlSafeHash
    }

    /// How an event gets its identifier.
    public var eventIDFormat: EventIDFormat {
        switch self {
        case .v1, .v2: .chosen
        case .v3: .hash
        default: .urlSafeHash
        }
    }

    /// Whether `prev_events` and `auth_events` hold pairs of an identifier and the hashes of that
    /// event, rather than identifiers, which since are hashes themselves.
    public var referencesHaveHashes: Bool { eventIDFormat == .chosen }

    /// The greatest depth of an event; events beyond it share it.
    public var depthMax: Int64 { enforcesCanonicalJSON ? JSON.canonicalIntegers.upperBound : .max }

    /// The algorithm that merges diverging states.
    public enum StateResolution: Sendable {
        /// The first algorithm.
        case v1
        /// The algorithm of room version 2.
        case v2
        /// The algorithm of room version 12.
        case v2Point1
    }

    /// The algorithm that merges diverging states.
    public var stateResolution: StateResolution {
        if self == .v1 { return .v1 }
        return self >= .v12 ? .v2Point1 : .v2
    }

    /// Whether the auth rules ask who may redact, rather than whoever applies the redaction.
    public var authorisesRedactions: Bool { self < .v3 }
    /// Whether signing keys must be valid at the time of the event.
    public var enforcesKeyValidity: Bool { self >= .v5 }
    /// Whether events must be canonical JSON.
    public var enforcesCanonicalJSON: Bool { self >= .v6 }
    /// Whether `m.room.aliases` has rules of its own.
    public var hasAliasRules: Bool { self < .v6 }
    /// Whether changing `notifications` levels is checked.
    public var checksNotificationLevels: Bool { self >= .v6 }
    /// Whether users can knock.
    public var allowsKnocking: Bool { self >= .v7 }
    /// Whether joining can be restricted to members of other rooms.
    public var allowsRestrictedJoins: Bool { self >= .v8 }
    /// Whether redaction keeps `join_authorised_via_users_server`.
    public var redactionKeepsJoinAuthorisation: Bool { self >= .v9 }
    /// Whether the join rule `knock_restricted` exists.
    public var allowsKnockRestrictedJoins: Bool { self >= .v10 }
    /// Whether power levels must be integers rather than texts of integers.
    public var requiresIntegerPowerLevels: Bool { self >= .v10 }
    /// Whether the sender of `m.room.create` is the creator, rather than its `creator`.
    public var creatorIsSender: Bool { self >= .v11 }
    /// Whether a redaction names its target in `content`, rather than beside it.
    public var redactsIsInContent: Bool { self >= .v11 }
    /// Whether the redaction algorithm is that of room version 11.
    public var usesUpdatedRedaction: Bool { self >= .v11 }
    /// Whether the room identifier is the hash of the create event, which therefore has no
    /// `room_id` and is nobody's auth event.
    public var roomIDIsHash: Bool { self >= .v12 }
    /// Whether creators, `additional_creators` among them, outrank every power level.
    public var creatorsOutrankAll: Bool { self >= .v12 }
}
