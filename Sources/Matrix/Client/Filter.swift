public import JSON

/// What a client wants of /sync and /messages.
///
/// Specification: client-server, "Filtering".
public struct Filter: Sendable, Hashable {
    /// Whether events are shown as clients or as servers exchange them.
    public enum Format: String, Sendable {
        /// For clients.
        case client
        /// As servers exchange them.
        case federation
    }

    /// The fields of events to keep; nil keeps all.
    public var eventFields: [String]?
    /// The format of events.
    public var format: Format
    /// What presence to show.
    public var presence: EventFilter
    /// What global account data to show.
    public var accountData: EventFilter
    /// What of rooms to show.
    public var room: RoomFilter
    /// The filter as the client gave it.
    public let json: JSON.Object

    /// The filter that leaves everything as it is.
    public static let all = Filter(unchecked: [:])

    /// Checks and reads a filter; fields that are unknown are kept in `json`.
    public init(_ json: JSON.Object) throws(FilterError) {
        try FilterSchema.check(json)
        self.init(unchecked: json)
    }

    private init(unchecked json: JSON.Object) {
        self.json = json
        eventFields = json["event_fields"]?.strings
        format = json["event_format"]?.stringValue.flatMap { Format(rawValue: $0) } ?? .client
        presence = EventFilter(json["presence"])
        accountData = EventFilter(json["account_data"])
        room = RoomFilter(json["room"])
    }
}

/// Why something is not a filter.
public struct FilterError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The path of the field, with dots.
    public let field: String
    /// What it should be.
    public let expected: String

    /// The field with what it should be.
    public var description: String { "filter: \(field) is not \(expected)" }
}

/// What of rooms a client wants.
public struct RoomFilter: Sendable, Hashable {
    /// The rooms to leave out.
    public var notRooms: Set<String>
    /// The rooms to keep; nil keeps all.
    public var rooms: Set<String>?
    /// Whether rooms that the user has left are shown.
    public var includesLeave: Bool
    /// What of the timeline to show.
    public var timeline: EventFilter
    /// What of the state to show.
    public var state: EventFilter
    /// What of typing and receipts to show.
    public var ephemeral: EventFilter
    /// What of the room's account data to show.
    public var accountData: EventFilter

    init(_ json: JSON?) {
        notRooms = Set(json?["not_rooms"]?.strings ?? [])
        rooms = json?["rooms"]?.strings.map { Set($0) }
        includesLeave = json?["include_leave"]?.boolValue ?? false
        timeline = EventFilter(json?["timeline"])
        state = EventFilter(json?["state"])
        ephemeral = EventFilter(json?["ephemeral"])
        accountData = EventFilter(json?["account_data"])
    }

    /// Whether the filter shows anything of this room.
    public func shows(room: RoomID) -> Bool {
        !notRooms.contains(room.text) && (rooms?.contains(room.text) ?? true)
    }
}

extension JSON {
    var strings: [String]? { arrayValue?.compactMap(\.stringValue) }
}
