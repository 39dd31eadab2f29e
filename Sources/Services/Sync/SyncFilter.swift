public import JSON
import Storage

/// What a client wants to see: the part of a Matrix filter that /sync obeys.
///
/// Obeyed are `room.timeline` (limit, types, senders, `contains_url`, `unread_thread_notifications`), `room.state` (types, senders),
/// `room.rooms`, `room.not_rooms`, `room.include_leave`, and the types of `room.ephemeral`,
/// `room.account_data`, `account_data` and `presence`. Members are never left out, which `lazy_load_members` allows.
public final class SyncFilter: Sendable {
    /// Which event types pass.
    struct Types: Sendable, Hashable {
        var only: [String]?
        var not: [String] = []

        var isEverything: Bool { only == nil && not.isEmpty }

        func passes(_ type: String) -> Bool {
            !not.contains { Self.matches(type, $0) }
                && only.map { $0.contains { Self.matches(type, $0) } } ?? true
        }

        /// `*` stands for any text.
        static func matches(_ type: String, _ pattern: String) -> Bool {
            let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
            guard parts.count > 1, let first = parts.first, let last = parts.last else {
                return type == pattern
            }
            guard type.hasPrefix(first), type.utf8.count >= first.utf8.count + last.utf8.count,
                type.hasSuffix(last)
            else { return false }
            var rest = type.dropFirst(first.count).dropLast(last.count)[...]
            for part in parts.dropFirst().dropLast() where !part.isEmpty {
                guard let place = rest.firstOccurrence(of: part) else { return false }
                rest = rest[place...].dropFirst(part.count)
            }
            return true
        }
    }

    /// Events per room and answer when the filter does not say.
    static let timelineLimitDefault = 10
    /// The most events per room and answer.
    static let timelineLimitMax = 100

    let timelineLimit: Int
    let timeline: SyncTimelines.Conditions
    let state: SyncRoomState.Conditions
    let rooms: Set<String>?
    let notRooms: Set<String>
    let includesLeft: Bool
    let ephemeral: Types
    let roomAccountData: Types
    let accountData: Types
    let presence: Types
    /// Whether the client wants to know what is unread in each thread.
    let showsUnreadThreads: Bool

    /// Whether answers that are the same for everybody may serve: nothing is left out.
    let isPlain: Bool

    /// The filter of a client that sends none.
    public static let everything = SyncFilter(Parts())

    private struct Parts {
        var timelineLimit = timelineLimitDefault
        var timeline = SyncTimelines.Conditions()
        var state = SyncRoomState.Conditions()
        var rooms: Set<String>?
        var notRooms: Set<String> = []
        var includesLeft = false
        var ephemeral = Types()
        var roomAccountData = Types()
        var accountData = Types()
        var presence = Types()
        var showsUnreadThreads = false
    }

    private init(_ parts: Parts) {
        timelineLimit = parts.timelineLimit
        timeline = parts.timeline
        state = parts.state
        rooms = parts.rooms
        notRooms = parts.notRooms
        includesLeft = parts.includesLeft
        ephemeral = parts.ephemeral
        roomAccountData = parts.roomAccountData
        accountData = parts.accountData
        presence = parts.presence
        showsUnreadThreads = parts.showsUnreadThreads
        isPlain =
            timeline == SyncTimelines.Conditions() && rooms == nil && notRooms.isEmpty
            && ephemeral.isEverything
    }

    func wants(room roomID: String) -> Bool {
        !notRooms.contains(roomID) && rooms?.contains(roomID) ?? true
    }

    /// Reads a filter. Throws M_BAD_JSON.
    public convenience init(_ json: JSON) throws(MatrixError) {
        guard json.objectValue != nil else {
            throw MatrixError.badJSON("The filter must be an object")
        }
        var parts = Parts()
        parts.accountData = try Reader(json["account_data"]).types()
        parts.presence = try Reader(json["presence"]).types()
        let room = try Reader(json["room"])
        parts.rooms = try room.strings("rooms").map { Set($0) }
        parts.notRooms = try Set(room.strings("not_rooms") ?? [])
        parts.includesLeft = try room.bool("include_leave") ?? false
        parts.ephemeral = try Reader(room["ephemeral"]).types()
        parts.roomAccountData = try Reader(room["account_data"]).types()
        let timeline = try Reader(room["timeline"])
        if let limit = try timeline.integer("limit") {
            guard limit >= 0 else {
                throw MatrixError.badJSON("The filter's limit must not be negative")
            }
            parts.timelineLimit = Int(min(limit, Int64(Self.timelineLimitMax)))
        }
        parts.showsUnreadThreads = try timeline.bool("unread_thread_notifications") ?? false
        let shown = try timeline.types()
        parts.timeline.types = shown.only?.map(Self.pattern)
        parts.timeline.notTypes = shown.not.map(Self.pattern)
        parts.timeline.senders = try timeline.strings("senders")
        parts.timeline.notSenders = try timeline.strings("not_senders") ?? []
        parts.timeline.containsURL = try timeline.bool("contains_url")
        let state = try Reader(room["state"])
        let kept = try state.types()
        parts.state.types = kept.only?.map(Self.pattern)
        parts.state.notTypes = kept.not.map(Self.pattern)
        parts.state.senders = try state.strings("senders")
        parts.state.notSenders = try state.strings("not_senders") ?? []
        self.init(parts)
    }

    /// A pattern with `*` as one for SQL's LIKE.
    private static func pattern(_ text: String) -> String {
        var pattern = ""
        for character in text {
            switch character {
            case "*": pattern.append("%")
            case "%", "_", "\\": pattern.append("\\\(character)")
            default: pattern.append(character)
            }
        }
        return pattern
    }

    /// Reads the members of an object of a filter, which may be absent.
    private struct Reader {
        let object: JSON?

        init(_ json: JSON?) throws(MatrixError) {
            guard let json else {
                object = nil
                return
            }
            guard json.objectValue != nil else {
                throw MatrixError.badJSON("The parts of a filter must be objects")
            }
            object = json
        }

        subscript(key: String) -> JSON? { object?[key] }

        func types() throws(MatrixError) -> Types {
            Types(only: try strings("types"), not: try strings("not_types") ?? [])
        }

        func strings(_ key: String) throws(MatrixError) -> [String]? {
            guard let value = object?[key], !value.isNull else { return nil }
            guard let array = value.arrayValue, array.count <= 1000 else {
                throw MatrixError.badJSON("The filter's \(key) must be an array of strings")
            }
            var strings: [String] = []
            for element in array {
                guard let string = element.stringValue else {
                    throw MatrixError.badJSON("The filter's \(key) must be an array of strings")
                }
                strings.append(string)
            }
            return strings
        }

        func integer(_ key: String) throws(MatrixError) -> Int64? {
            guard let value = object?[key], !value.isNull else { return nil }
            guard let number = value.intValue else {
                throw MatrixError.badJSON("The filter's \(key) must be a number")
            }
            return number
        }

        func bool(_ key: String) throws(MatrixError) -> Bool? {
            guard let value = object?[key], !value.isNull else { return nil }
            guard let bool = value.boolValue else {
                throw MatrixError.badJSON("The filter's \(key) must be a boolean")
            }
            return bool
        }
    }
}

extension Substring {
    /// Where `text` first occurs.
    fileprivate func firstOccurrence(of text: Substring) -> Index? {
        var place = startIndex
        while true {
            if self[place...].hasPrefix(text) { return place }
            if place == endIndex { return nil }
            place = index(after: place)
        }
    }
}
