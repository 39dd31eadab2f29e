internal import Bytes
internal import HTTPWire

/// The named parts of a request's path.
public struct PathParameters: Sendable {
    let captures: RouteCaptures
    let head: RequestHead

    /// The part of that name, percent-decoded. `nil` if the route's pattern has no such name.
    public subscript(name: String) -> String? {
        guard let index = captures.names.firstIndex(of: name) else { return nil }
        return PercentEncoding.decodeText(head.bytes.extracting(captures.slices[index].range))
    }

    /// The part of that name, for patterns that have it. A name the pattern lacks is a mistake in
    /// the program: a debug build traps, a release build returns an empty text.
    public func text(_ name: String) -> String {
        if let value = self[name] { return value }
        assertionFailure("the route has no parameter \(name)")
        return ""
    }

    /// The names in the pattern, in its order.
    public var names: [String] { captures.names }
}

/// Where the captured parts lie in the head's bytes. No memory of its own: the names are the
/// route's.
struct RouteCaptures: Sendable {
    static let countMax = 8

    var names: [String] = []
    var slices = [8 of Slice](repeating: Slice())
}
