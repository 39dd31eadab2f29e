import FuzzHTTP
import HTTPServer
import HTTPWire

private let patterns: [(HTTPMethod?, String)] = [
    (.get, "/"), (.get, "/a"), (.put, "/a"), (.get, "/{x}"), (.post, "/a/{x}"), (.get, "/a/b"),
    (.get, "/{x}/b"), (nil, "/{x}/{y}"), (.get, "/r/{v:a|b|c d}/{x}"), (.put, "/r/{v:b}/e"),
    (.get, "/f/{rest*}"), (.put, "/f/{x}/c"), (nil, "/f/{x}/{rest*}"), (.delete, "/a/{x}/b/{y}"),
    (.get, "/a/b/c/"),
]

private let router: Router<Void> = {
    var router = Router<Void>()
    for (method, pattern) in patterns {
        let name = "\(method?.name ?? "*") \(pattern)"
        router.onImmediate(method, pattern, name: name) { _, _, _ in HTTPResponse() }
    }
    return router
}()

/// The first byte chooses a method, the others are a path: the tree must find what a list finds.
func checkRouter(_ input: [UInt8]) throws(Violation) {
    let methods: [HTTPMethod] = [.get, .head, .put, .post, .delete, .patch]
    let method = methods[Int(input.first ?? 0) % methods.count]
    let path = [UInt8(ascii: "/")] + input.dropFirst()
    guard path.allSatisfy({ $0 > 0x20 && $0 < 0x7f && !"?#".utf8.contains($0) }) else { return }
    let segments = path.dropFirst().split(
        separator: UInt8(ascii: "/"), omittingEmptySubsequences: false
    ).map(Array.init)
    guard segments.count <= 32 else { return }
    var request = try expectSuccess("a request") {
        try HTTPRequest(method, String(decoding: path, as: UTF8.self))
    }
    let found: String?
    do {
        found = try router.match(&request)
    } catch {
        let isDecodable = segments.allSatisfy { PercentEncoding.isDecodable($0.span.bytes) }
        return try require(!isDecodable, "\(error), but the path is decodable")
    }
    let served = method == .head ? [.head, .get] : [method]
    let fitting = patterns.filter { pattern in
        (pattern.0.map(served.contains) ?? true) && captures(pattern.1, segments) != nil
    }
    guard let found else {
        return try require(fitting.isEmpty, "nothing found, but \(fitting) fit")
    }
    guard let pattern = fitting.first(where: { "\($0.0?.name ?? "*") \($0.1)" == found }) else {
        throw Violation(description: "\(found) found, but only \(fitting) fit")
    }
    for (name, bytes) in captures(pattern.1, segments) ?? [] {
        let expected = PercentEncoding.decodeText(bytes.span.bytes)
        let value = request.parameters[name]
        try require(value == expected, "\(name) is \(value ?? "-"), not \(expected ?? "-")")
    }
}

/// What a pattern captures of a path, or nil if it does not fit.
private func captures(_ pattern: String, _ segments: [[UInt8]]) -> [(String, [UInt8])]? {
    let parts = pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    var captures: [(String, [UInt8])] = []
    for (index, part) in parts.enumerated() {
        guard index < segments.count else { return nil }
        let segment = segments[index]
        let decoded = PercentEncoding.decode(segment.span.bytes)
        guard part.hasPrefix("{") else {
            guard segment == Array(part.utf8) || decoded == Array(part.utf8) else { return nil }
            continue
        }
        let inside = part.dropFirst().dropLast()
        if inside.hasSuffix("*") {
            let rest = Array(segments[index...].joined(separator: [UInt8(ascii: "/")]))
            return captures + [(String(inside.dropLast()), rest)]
        }
        let halves = inside.split(separator: ":")
        if halves.count == 2 {
            let texts = halves[1].split(separator: "|").map { Array($0.utf8) }
            guard texts.contains(where: { $0 == segment || $0 == decoded }) else { return nil }
        } else if segment.isEmpty {
            return nil
        }
        captures.append((String(halves[0]), segment))
    }
    return parts.count == segments.count ? captures : nil
}
