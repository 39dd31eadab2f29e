import JSON

/// The form that filters must have: a client that sends `"limit": "10"` is told so rather than
/// given everything.
enum FilterSchema {
    /// The most entries of a list.
    static let entriesMax = 1000
    /// The most bytes of an entry: twice what types, identifiers and rooms may have.
    static let entryBytesMax = 510
    /// The most stars of a pattern: each may make matching longer.
    static let starsMax = 8

    private static func isStrings(_ value: JSON) -> Bool {
        guard let entries = value.arrayValue, entries.count <= entriesMax else { return false }
        return entries.allSatisfy { ($0.stringValue?.utf8.count ?? .max) <= entryBytesMax }
    }

    private static func isPatterns(_ value: JSON) -> Bool {
        guard isStrings(value) else { return false }
        return value.strings?.allSatisfy { pattern in
            pattern.utf8.count { $0 == UInt8(ascii: "*") } <= starsMax
        } ?? false
    }

    private static let strings = "an array of at most \(entriesMax) short strings"

    private static func isBool(_ value: JSON) -> Bool { value.boolValue != nil }

    static func check(_ json: JSON.Object) throws(FilterError) {
        if let fields = json["event_fields"], !isStrings(fields) {
            throw FilterError(field: "event_fields", expected: strings)
        }
        if let format = json["event_format"] {
            guard format.stringValue.flatMap({ Filter.Format(rawValue: $0) }) != nil else {
                throw FilterError(field: "event_format", expected: "client or federation")
            }
        }
        for part in ["presence", "account_data"] { try check(part, of: json, at: part) }
        guard let value = json["room"] else { return }
        guard let room = value.objectValue else {
            throw FilterError(field: "room", expected: "an object")
        }
        for key in ["rooms", "not_rooms"] {
            guard let names = room[key] else { continue }
            try require(isStrings(names), "room.\(key)", strings)
        }
        if let flag = room["include_leave"] {
            try require(isBool(flag), "room.include_leave", "a boolean")
        }
        for part in ["timeline", "state", "ephemeral", "account_data"] {
            try check(part, of: room, at: "room.\(part)")
        }
    }

    private static func check(
        _ part: String, of object: JSON.Object, at path: String
    ) throws(FilterError) {
        guard let value = object[part] else { return }
        guard let filter = value.objectValue else {
            throw FilterError(field: path, expected: "an object")
        }
        try check(eventFilter: filter, at: path)
    }

    static func check(eventFilter: JSON.Object, at path: String) throws(FilterError) {
        for (key, value) in eventFilter {
            switch key {
            case "limit":
                try require(value.intValue.map { $0 >= 0 } ?? false, "\(path).limit", "a count")
            case "types", "not_types":
                try require(
                    isPatterns(value), "\(path).\(key)", "\(strings) with at most \(starsMax) stars"
                )
            case "senders", "not_senders", "rooms", "not_rooms", "related_by_senders",
                "related_by_rel_types":
                try require(isStrings(value), "\(path).\(key)", strings)
            case "contains_url", "lazy_load_members", "include_redundant_members",
                "unread_thread_notifications":
                try require(isBool(value), "\(path).\(key)", "a boolean")
            default: break
            }
        }
    }

    private static func require(
        _ isRight: Bool, _ field: String, _ expected: String
    ) throws(FilterError) {
        guard isRight else { throw FilterError(field: field, expected: expected) }
    }
}
