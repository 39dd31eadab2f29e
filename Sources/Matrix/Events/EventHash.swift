import Crypto
public import JSON

/// The two hashes of an event.
public enum EventHash {
    /// The hash of everything but `unsigned`, `signatures` and `hashes`.
    ///
    /// Specification: server-server, "Calculating the content hash for an event".
    public static func contentHash(of event: JSON.Object) -> [UInt8] {
        var object = event
        for key in ["unsigned", "signatures", "hashes"] { object.removeValue(forKey: key) }
        return Array(SHA256.hash(data: object.canonicalBytes))
    }

    /// The hash of what a redaction leaves, content hash included.
    ///
    /// Specification: server-server, "Calculating the reference hash for an event".
    public static func referenceHash(of event: JSON.Object, version: RoomVersion) -> [UInt8] {
        referenceHash(ofRedacted: Redaction.redact(event, version: version))
    }

    static func referenceHash(ofRedacted redacted: JSON.Object) -> [UInt8] {
        Array(SHA256.hash(data: redacted.signedBytes))
    }

    /// The identifier that the event has by its reference hash, or by itself if the room
    /// version lets servers choose.
    public static func eventID(of event: JSON.Object, version: RoomVersion) -> EventID {
        if version.eventIDFormat == .chosen {
            return EventID(trusted: event["event_id"]?.stringValue ?? "$")
        }
        return eventID(hash: referenceHash(of: event, version: version), version: version)
    }

    static func eventID(hash: [UInt8], version: RoomVersion) -> EventID {
        let alphabet: Base64.Alphabet = version.eventIDFormat == .hash ? .standard : .urlSafe
        return EventID(trusted: "$" + Base64.encode(hash, alphabet: alphabet))
    }

    /// Whether the event is unchanged since its content hash was made.
    public static func matchesContent(of event: JSON.Object) -> Bool {
        guard let text = event["hashes"]?["sha256"]?.stringValue,
            let hash = Base64.decode(text)
        else { return false }
        return hash == contentHash(of: event)
    }
}
