import JSON

/// The form that filters must have: a client that sends `"limit": "10"` is told so rather than
/// given everything.
enum FilterSchema {
    private static func isStrings(_ value: JSON) -> Bool {
        value.arrayValue?.allSatisfy { $0.stringValue != nil } ?? false
    }

    private static func isBool(_ value: JSON) -> Bool { value.boolValue != nil }

    static func check(_ json: JSON.Object) throws(FilterError) {
        if let fields = json["event_fields"], !isStrings(fields) {
            throw FilterError(field: "event_fields", expected: "an array of strings")
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
            try require(isStrings(names), "room.\(key)", "an array of strings")
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
            case "types", "not_types", "senders", "not_senders", "rooms", "not_rooms":
                try require(isStrings(value), "\(path).\(key)", "an array of strings")
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
