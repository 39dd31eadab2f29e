public import JSON

/// What a client asks of simplified sliding sync.
///
/// Source: msc4186, as clients from 2024 on send it.
public struct SlidingRequest: Sendable {
    /// What of a room is told.
    struct RoomConfiguration: Sendable, Hashable {
        /// How many events of the timeline at most.
        var timelineLimit = 0
        var requiredState = RequiredState()

        /// What several lists want together.
        mutating func formUnion(_ other: RoomConfiguration) {
            timelineLimit = max(timelineLimit, other.timelineLimit)
            requiredState.pairs.formUnion(other.requiredState.pairs)
        }
    }

    /// A list of rooms, of which windows are shown.
    struct List: Sendable {
        var ranges: [ClosedRange<Int>]
        var configuration: RoomConfiguration
        var filters: SlidingFilters
    }

    /// The rooms of which an extension tells.
    struct Scope: Sendable, Hashable {
        /// Names of lists; nil for all.
        var lists: Set<String>?
        /// Rooms among those subscribed to; nil for all.
        var rooms: Set<String>?
    }

    /// What is told beside rooms.
    struct Extensions: Sendable {
        /// Messages to the device after a position.
        var toDevice: (since: Int64, limit: Int)?
        var tellsKeys = false
        var accountData: Scope?
        var receipts: Scope?
        var typing: Scope?
    }

    /// The most lists of a request.
    static let listsMax = 100
    /// The most rooms that a request names.
    static let subscriptionsMax = 1000
    /// The most windows of a list.
    static let rangesMax = 20
    /// The most rooms that one window may span.
    static let rangeMax = 1000
    /// The most events of a room.
    static let timelineMax = 100

    /// Tells the connections of a device apart.
    let connectionID: String
    let lists: [String: List]
    let subscriptions: [String: RoomConfiguration]
    let extensions: Extensions

    /// Reads a request. Throws M_BAD_JSON or M_INVALID_PARAM.
    public init(_ json: JSON) throws(MatrixError) {
        connectionID = try SlidingReader(json, "the request").text("conn_id") ?? ""
        var lists: [String: List] = [:]
        for (name, value) in try SlidingReader(json, "the request").members("lists") {
            lists[name] = try List(SlidingReader(value, "lists.\(name)"))
        }
        guard lists.count <= Self.listsMax else {
            throw .invalidParameter("There are at most \(Self.listsMax) lists")
        }
        self.lists = lists
        var subscriptions: [String: RoomConfiguration] = [:]
        for (roomID, value) in try SlidingReader(json, "the request").members("room_subscriptions")
        {
            subscriptions[roomID] = try RoomConfiguration(
                SlidingReader(value, "room_subscriptions.\(roomID)"))
        }
        guard subscriptions.count <= Self.subscriptionsMax else {
            throw .invalidParameter("There are at most \(Self.subscriptionsMax) subscriptions")
        }
        self.subscriptions = subscriptions
        extensions = try Extensions(
            SlidingReader(json["extensions"] ?? [:], "extensions"))
        guard connectionID.utf8.count <= 255 else {
            throw .invalidParameter("conn_id is too long")
        }
    }
}

extension SlidingRequest.List {
    init(_ reader: SlidingReader) throws(MatrixError) {
        configuration = try SlidingRequest.RoomConfiguration(reader)
        filters = try SlidingFilters(reader)
        ranges = []
        // Some send one range under the singular.
        var given = reader.json["ranges"]?.arrayValue ?? []
        if let range = reader.json["range"] { given.append(range) }
        guard given.count <= SlidingRequest.rangesMax else {
            throw .invalidParameter("\(reader.path).ranges are too many")
        }
        for range in given {
            guard let ends = range.arrayValue, ends.count == 2, let low = ends[0].intValue,
                let high = ends[1].intValue, low >= 0, high >= low, high < 1_000_000_000
            else { throw .invalidParameter("\(reader.path).ranges are not pairs of numbers") }
            let last = min(high, low + Int64(SlidingRequest.rangeMax) - 1)
            ranges.append(Int(low)...Int(last))
        }
    }
}

extension SlidingRequest.RoomConfiguration {
    init(_ reader: SlidingReader) throws(MatrixError) {
        let limit = try reader.number("timeline_limit") ?? 0
        guard limit >= 0 else {
            throw .invalidParameter("\(reader.path).timeline_limit is negative")
        }
        timelineLimit = Int(min(limit, Int64(SlidingRequest.timelineMax)))
        requiredState = try RequiredState(reader)
    }
}

extension SlidingRequest.Extensions {
    init(_ reader: SlidingReader) throws(MatrixError) {
        if let part = try reader.enabled("to_device") {
            let since = try part.text("since") ?? "0"
            guard let position = Int64(since), position >= 0 else {
                throw .invalidParameter("\(part.path).since is not a token")
            }
            let limit = try part.number("limit") ?? 100
            toDevice = (position, Int(min(max(limit, 1), 100)))
        }
        tellsKeys = try reader.enabled("e2ee") != nil
        accountData = try reader.scope("account_data")
        receipts = try reader.scope("receipts")
        typing = try reader.scope("typing")
    }
}

/// Reads an object of a request; errors name its place.
struct SlidingReader {
    let json: JSON
    let path: String

    init(_ json: JSON, _ path: String) throws(MatrixError) {
        guard json.objectValue != nil else { throw .badJSON("\(path) must be an object") }
        self.json = json
        self.path = path
    }

    private func value(_ key: String) -> JSON? {
        guard let value = json[key], !value.isNull else { return nil }
        return value
    }

    func members(_ key: String) throws(MatrixError) -> JSON.Object {
        guard let value = value(key) else { return [:] }
        guard let object = value.objectValue else {
            throw .badJSON("\(path).\(key) must be an object")
        }
        return object
    }

    func text(_ key: String) throws(MatrixError) -> String? {
        guard let value = value(key) else { return nil }
        guard let text = value.stringValue else {
            throw .badJSON("\(path).\(key) must be a string")
        }
        return text
    }

    func number(_ key: String) throws(MatrixError) -> Int64? {
        guard let value = value(key) else { return nil }
        guard let number = value.intValue else {
            throw .badJSON("\(path).\(key) must be a whole number")
        }
        return number
    }

    func bool(_ key: String) throws(MatrixError) -> Bool? {
        guard let value = value(key) else { return nil }
        guard let bool = value.boolValue else {
            throw .badJSON("\(path).\(key) must be a boolean")
        }
        return bool
    }

    /// Strings; null among them stands for nil.
    func strings(_ key: String) throws(MatrixError) -> [String?]? {
        guard let value = value(key) else { return nil }
        guard let array = value.arrayValue, array.count <= 1000 else {
            throw .badJSON("\(path).\(key) must be an array of at most 1000 strings")
        }
        var strings: [String?] = []
        for element in array {
            guard element.isNull || element.stringValue != nil else {
                throw .badJSON("\(path).\(key) must be an array of strings")
            }
            strings.append(element.stringValue)
        }
        return strings
    }

    /// A part that the client has enabled.
    func enabled(_ key: String) throws(MatrixError) -> SlidingReader? {
        guard let value = value(key) else { return nil }
        let part = try SlidingReader(value, "\(path).\(key)")
        return try part.bool("enabled") == true ? part : nil
    }

    func scope(_ key: String) throws(MatrixError) -> SlidingRequest.Scope? {
        guard let part = try enabled(key) else { return nil }
        var scope = SlidingRequest.Scope()
        if let lists = try part.strings("lists"), !lists.contains("*") {
            scope.lists = Set(lists.compactMap(\.self))
        }
        if let rooms = try part.strings("rooms"), !rooms.contains("*") {
            scope.rooms = Set(rooms.compactMap(\.self))
        }
        return scope
    }
}
