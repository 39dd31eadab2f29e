public import JSON

/// Why something is not an event.
public enum EventError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It is not JSON at all.
    case json(JSON.ParseError)
    /// It is not an object.
    case notAnObject
    /// A field is absent that must be there.
    case missing(field: String)
    /// A field has the wrong type or breaks its grammar.
    case malformed(field: String)
    /// A field has more than 255 bytes.
    case fieldTooLong(field: String)
    /// The whole is more than 65,536 bytes.
    case tooLarge(bytes: Int)
    /// It holds numbers that canonical JSON cannot express.
    case notCanonical
    /// The hash of an event that is referred to is needed but was not given.
    case missingReferenceHash(of: EventID)

    /// A sentence for logs and for answers to clients.
    public var description: String {
        switch self {
        case .json(let error): "event is not JSON: \(error)"
        case .notAnObject: "event is not an object"
        case .missing(let field): "event has no \(field)"
        case .malformed(let field): "event has a malformed \(field)"
        case .fieldTooLong(let field): "\(field) is longer than 255 bytes"
        case .tooLarge(let bytes): "event has \(bytes) bytes, more than 65536"
        case .notCanonical: "event holds numbers that are not integers within 2^53"
        case .missingReferenceHash(let event): "the hash of \(event) is not known"
        }
    }
}
