public import FuzzHTTP

/// What can be fuzzed: a parser with the properties that must hold whatever it is given.
///
/// The fuzzer's driver and the test that replays the corpus enter here.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// A JSON text.
    case json
    /// The bytes of a connection that speaks HTTP.
    case http
    /// A chunked body, without the head before it.
    case chunked
    /// A query string, and a path.
    case query
    /// A method and a path for a router.
    case router
    /// Lines of replication through both ends' machines.
    case lines
    /// One line of replication.
    case command
    /// A YAML document.
    case yaml
    /// A log configuration.
    case logging
    /// A format of log lines; after a line feed, the format of their time.
    case format
    /// An identifier of Matrix, or Base64.
    case identifier
    /// An event as servers exchange it; an array is a room whose last event is checked.
    case event
    /// A filter.
    case filter
    /// Push rules, members and an event.
    case push

    /// Throws what is wrong with the parser; traps if the parser does.
    public func check(_ input: [UInt8]) throws(Violation) {
        switch self {
        case .json: try checkJSON(input)
        case .http: try checkHTTP(input)
        case .chunked: try checkChunked(input)
        case .query: try checkQuery(input)
        case .router: try checkRouter(input)
        case .lines: try checkLines(input)
        case .command: try checkCommand(input)
        case .yaml: try checkYAML(input)
        case .logging: try checkLogging(input)
        case .format: try checkFormat(input)
        case .identifier: try checkIdentifier(input)
        case .event: try checkEvent(input)
        case .filter: try checkFilter(input)
        case .push: try checkPush(input)
        }
    }
}
