import Bytes

/// A stream of rows, each with its own sequence of tokens.
public enum StreamName: Sendable, Hashable {
    /// New events.
    case events
    /// Old events, fetched over federation.
    case backfill
    /// Changes of users' presence.
    case presence
    /// Who is typing where. In memory: starts again with the main process.
    case typing
    /// Read receipts.
    case receipts
    /// Users whose push rules changed.
    case pushRules
    /// Pushers added and deleted.
    case pushers
    /// Invalidations that no other stream implies.
    case caches
    /// Rooms published and withdrawn.
    case publicRooms
    /// Users whose devices changed.
    case deviceLists
    /// Who has messages to devices waiting.
    case toDevice
    /// What a federation sender must send. In memory: starts again with the main process.
    case federation
    /// Tags of rooms.
    case tagAccountData
    /// Account data.
    case accountData
    /// Changes of rooms' current state (from 2017's summer on).
    case currentStateDeltas
    /// A stream that this release does not know.
    case other(String)

    /// The streams of April 2017.
    public static let classic: [StreamName] = [
        .events, .backfill, .presence, .typing, .receipts, .pushRules, .pushers, .caches,
        .publicRooms, .deviceLists, .toDevice, .federation, .tagAccountData, .accountData,
    ]

    /// Every stream that has a name of its own here.
    public static let known: [StreamName] = classic + [.currentStateDeltas]

    private static let names: [String: StreamName] = .init(
        uniqueKeysWithValues: known.map { ($0.name, $0) })

    /// The stream with this name on the wire.
    public init(_ name: String) {
        self = Self.names[name] ?? .other(name)
    }

    init(_ name: RawSpan) {
        // The two busiest streams without making a string.
        if name.equals("events") {
            self = .events
        } else if name.equals("caches") {
            self = .caches
        } else {
            self.init(name.string)
        }
    }

    /// Whether the stream lives in the main process' memory and starts again with it.
    public var isInMemory: Bool { self == .typing || self == .federation }

    /// Whether this release knows the stream.
    public var isKnown: Bool {
        if case .other = self { false } else { true }
    }

    /// The name on the wire.
    public var name: String {
        switch self {
        case .events: "events"
        case .backfill: "backfill"
        case .presence: "presence"
        case .typing: "typing"
        case .receipts: "receipts"
        case .pushRules: "push_rules"
        case .pushers: "pushers"
        case .caches: "caches"
        case .publicRooms: "public_rooms"
        case .deviceLists: "device_lists"
        case .toDevice: "to_device"
        case .federation: "federation"
        case .tagAccountData: "tag_account_data"
        case .accountData: "account_data"
        case .currentStateDeltas: "current_state_deltas"
        case .other(let name): name
        }
    }
}

extension StreamName: CustomStringConvertible {
    /// The name on the wire.
    public var description: String { name }
}
