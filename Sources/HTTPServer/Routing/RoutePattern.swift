/// A path with named parts: `/rooms/{roomId}`, `/{version:r0|v3}/sync`, `/files/{path*}`.
///
/// A part stands for one whole segment; with alternatives it matches only those; with an asterisk,
/// at the end only, it matches everything that follows, slashes included.
struct RoutePattern {
    enum Segment: Equatable {
        case literal(String)
        case parameter(String)
        case alternatives(String, [String])
        case rest(String)
    }

    let segments: [Segment]

    /// Traps on a malformed pattern: patterns are part of the program.
    init(_ text: String) {
        precondition(text.utf8.first == UInt8(ascii: "/"), "\(text): must begin with a slash")
        let parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        segments = parts.enumerated().map { index, part in
            let segment = Self.segment(part, of: text)
            if case .rest = segment {
                precondition(index == parts.count - 1, "\(text): {…*} must be the last segment")
            }
            return segment
        }
        precondition(segments.count <= PathSegments.countMax, "\(text): too many segments")
        let names = names
        precondition(names.count <= RouteCaptures.countMax, "\(text): too many parameters")
        precondition(Set(names).count == names.count, "\(text): a name is used twice")
    }

    private static func segment(_ part: Substring, of text: String) -> Segment {
        guard part.hasPrefix("{") else {
            precondition(!part.contains { "{}%".contains($0) }, "\(text): a brace out of place")
            return .literal(String(part))
        }
        precondition(part.hasSuffix("}") && part.count > 2, "\(text): a brace is missing")
        let inside = part.dropFirst().dropLast()
        precondition(!inside.contains { "{}".contains($0) }, "\(text): braces are nested")
        if inside.hasSuffix("*") { return .rest(String(inside.dropLast())) }
        guard let colon = inside.firstIndex(of: ":") else { return .parameter(String(inside)) }
        let alternatives = inside[inside.index(after: colon)...].split(
            separator: "|", omittingEmptySubsequences: false)
        return .alternatives(String(inside[..<colon]), alternatives.map(String.init))
    }

    /// The names of the captured parts with the place of their segments, in order.
    var captured: [(name: String, segment: Int)] {
        segments.enumerated().compactMap { index, segment in
            switch segment {
            case .literal: nil
            case .parameter(let name), .alternatives(let name, _), .rest(let name): (name, index)
            }
        }
    }

    var names: [String] { captured.map(\.name) }

    /// A regular expression of the paths that match, as proxies in front of a server read it. No part of a
    /// pattern has a character in it that means something there, but for the dot.
    var regularExpression: String {
        let parts = segments.map { segment in
            switch segment {
            case .literal(let text): text.replacing(".", with: "\\.")
            case .parameter: "[^/]+"
            case .alternatives(_, let texts):
                "(" + texts.map { $0.replacing(".", with: "\\.") }.joined(separator: "|") + ")"
            case .rest: ".*"
            }
        }
        return "^/" + parts.joined(separator: "/") + "$"
    }
}
