import JSON

/// Reads the fields of an event, with errors that name them.
struct EventFields {
    private let object: JSON.Object

    init(_ object: JSON.Object) {
        self.object = object
    }

    private func value(_ field: String) throws(EventError) -> JSON {
        guard let value = object[field] else { throw .missing(field: field) }
        return value
    }

    func string(_ field: String) throws(EventError) -> String {
        guard let string = try value(field).stringValue else { throw .malformed(field: field) }
        return string
    }

    func optionalString(_ field: String) throws(EventError) -> String? {
        object[field] == nil ? nil : try string(field)
    }

    func integer(_ field: String) throws(EventError) -> Int64 {
        guard let integer = try value(field).intValue else { throw .malformed(field: field) }
        return integer
    }

    func object(_ field: String) throws(EventError) -> JSON.Object {
        guard let object = try value(field).objectValue else { throw .malformed(field: field) }
        return object
    }

    func identifier<Name: Identifier>(_ field: String) throws(EventError) -> Name {
        guard let name = Name(try string(field)) else { throw .malformed(field: field) }
        return name
    }

    /// The identifiers of events that this one names, in the version's format.
    func references(_ field: String, version: RoomVersion) throws(EventError) -> [EventID] {
        guard let elements = try value(field).arrayValue else { throw .malformed(field: field) }
        var names: [EventID] = []
        names.reserveCapacity(elements.count)
        for element in elements {
            let text = version.referencesHaveHashes ? Self.identifier(ofPair: element) : element
            guard let name = text?.stringValue.flatMap({ EventID($0) }) else {
                throw .malformed(field: field)
            }
            names.append(name)
        }
        return names
    }

    /// Of a pair of an identifier and hashes the identifier; the hashes say nothing that the
    /// event's signature does not.
    private static func identifier(ofPair pair: JSON) -> JSON? {
        guard let parts = pair.arrayValue, parts.count == 2, parts[1].objectValue != nil else {
            return nil
        }
        return parts[0]
    }

    /// An identifier that a server chose names that server.
    ///
    /// Specification: room version 1, "Event IDs".
    func checkChosenEventID() throws(EventError) {
        let name: EventID = try identifier("event_id")
        guard name.server != nil else { throw .malformed(field: "event_id") }
    }
}

/// The size limits of the client-server specification, "Size limits".
enum EventLimits {
    static let fieldBytesMax = 255
    static let eventBytesMax = 65_536
    static let previousEventsMax = 20
    static let authEventsMax = 10

    static func check(_ event: Event) throws(EventError) {
        // Identifiers are bounded by their grammar, but for one that was just made.
        guard event.eventID.text.utf8.count <= fieldBytesMax else {
            throw .fieldTooLong(field: "event_id")
        }
        guard event.type.utf8.count <= fieldBytesMax else { throw .fieldTooLong(field: "type") }
        guard (event.stateKey?.utf8.count ?? 0) <= fieldBytesMax else {
            throw .fieldTooLong(field: "state_key")
        }
        guard event.previousEventIDs.count <= previousEventsMax else {
            throw .malformed(field: "prev_events")
        }
        guard event.authEventIDs.count <= authEventsMax else {
            throw .malformed(field: "auth_events")
        }
        guard (0...event.version.depthMax).contains(event.depth) else {
            throw .malformed(field: "depth")
        }
        if event.version.enforcesCanonicalJSON, !JSON.object(event.json).isCanonical {
            throw .notCanonical
        }
        let size = event.json.canonicalBytes.count
        guard size <= eventBytesMax else { throw .tooLarge(bytes: size) }
    }
}
