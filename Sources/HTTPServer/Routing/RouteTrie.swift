internal import Bytes
internal import HTTPWire

/// The segments of a path, as slices of the head's bytes. On the stack.
struct PathSegments {
    static let countMax = 32

    private(set) var slices = [32 of Slice](repeating: Slice())
    private(set) var count = 0
    /// There were more segments; only a pattern with a rest can match.
    private(set) var isCut = false
    private(set) var end = 0

    /// Splits a path, which must begin with a slash (or is `*`, which has no segments).
    init(_ bytes: RawSpan, _ path: Slice) {
        guard path.count > 0, bytes.byte(path.range.lowerBound) == UInt8(ascii: "/") else { return }
        end = path.range.upperBound
        var start = path.range.lowerBound + 1
        while true {
            guard count < Self.countMax else {
                isCut = true
                return
            }
            let slash = bytes.firstIndex(of: UInt8(ascii: "/"), from: start) ?? end
            slices[count] = Slice(start, min(slash, end))
            count += 1
            guard slash < end else { return }
            start = slash + 1
        }
    }
}

/// All patterns of a router as a tree of segments. Finding a route allocates nothing unless the
/// path is percent-encoded where a pattern has a literal.
struct RouteTrie: Sendable {
    /// A route and the method it serves; `nil` serves all.
    struct Entry: Sendable {
        let method: HTTPMethod?
        let route: Int
    }

    private struct Node: Sendable {
        var literals: [(text: Slice, node: Int)] = []
        var parameter: Int?
        var entries: [Entry] = []
        /// Routes whose rest begins here.
        var rests: [Entry] = []
    }

    enum Outcome: Equatable {
        case found(Int)
        case methodNotAllowed([HTTPMethod])
        case notFound
    }

    private var nodes = [Node()]
    /// The texts of all literals: comparing them with a path counts no references.
    private var texts: [UInt8] = []

    /// Adds a route. Traps if another one has the same pattern and method.
    mutating func insert(_ pattern: RoutePattern, method: HTTPMethod?, route: Int) {
        insert(pattern.segments[...], at: 0, Entry(method: method, route: route))
    }

    private mutating func insert(
        _ segments: ArraySlice<RoutePattern.Segment>, at node: Int, _ entry: Entry
    ) {
        guard let segment = segments.first else {
            precondition(
                !nodes[node].entries.contains { $0.method == entry.method },
                "two routes have the same pattern and method")
            nodes[node].entries.append(entry)
            return
        }
        let others = segments.dropFirst()
        switch segment {
        case .literal(let text): insert(others, at: literal(text, of: node), entry)
        case .alternatives(_, let texts):
            for text in texts { insert(others, at: literal(text, of: node), entry) }
        case .parameter:
            let child = nodes[node].parameter ?? nodes.count
            if child == nodes.count {
                nodes.append(Node())
                nodes[node].parameter = child
            }
            insert(others, at: child, entry)
        case .rest:
            precondition(
                !nodes[node].rests.contains { $0.method == entry.method },
                "two routes have the same pattern and method")
            nodes[node].rests.append(entry)
        }
    }

    private mutating func literal(_ text: String, of node: Int) -> Int {
        let bytes = Array(text.utf8)
        if let known = child(of: node, bytes.span.bytes) { return known }
        let slice = Slice(texts.count, texts.count + bytes.count)
        texts.append(contentsOf: bytes)
        nodes.append(Node())
        nodes[node].literals.append((slice, nodes.count - 1))
        return nodes.count - 1
    }

    // MARK: Finding

    /// Finds the route for a path. Literals go before parameters, parameters before rests; where
    /// the better pattern lacks the method, the next one is asked.
    func find(_ bytes: RawSpan, _ segments: PathSegments, method: HTTPMethod) -> Outcome {
        var allowed: [HTTPMethod] = []
        var found = search(bytes, segments, at: 0, depth: 0, method, &allowed)
        if found == nil, method == .head {
            // What can be got can be asked about.
            var ignored: [HTTPMethod] = []
            found = search(bytes, segments, at: 0, depth: 0, .get, &ignored)
        }
        if let found { return .found(found) }
        if allowed.isEmpty { return .notFound }
        if allowed.contains(.get), !allowed.contains(.head) { allowed.append(.head) }
        return .methodNotAllowed(allowed)
    }

    private func search(
        _ bytes: RawSpan, _ segments: borrowing PathSegments, at node: Int, depth: Int,
        _ method: HTTPMethod, _ allowed: inout [HTTPMethod]
    ) -> Int? {
        if depth == segments.count {
            guard !segments.isCut, depth > 0 else { return nil }
            return choose(nodes[node].entries, method, &allowed)
        }
        let slice = segments.slices[depth]
        if let child = literalChild(of: node, bytes.extracting(slice.range)),
            let found = search(bytes, segments, at: child, depth: depth + 1, method, &allowed)
        {
            return found
        }
        // An empty segment is no value: `/rooms//state` names no room.
        if let child = nodes[node].parameter, slice.count > 0,
            let found = search(bytes, segments, at: child, depth: depth + 1, method, &allowed)
        {
            return found
        }
        return choose(nodes[node].rests, method, &allowed)
    }

    private func choose(
        _ entries: [Entry], _ method: HTTPMethod, _ allowed: inout [HTTPMethod]
    ) -> Int? {
        for entry in entries where entry.method == method { return entry.route }
        for entry in entries {
            guard let served = entry.method else { return entry.route }
            if !allowed.contains(served) { allowed.append(served) }
        }
        return nil
    }

    private func literalChild(of node: Int, _ segment: RawSpan) -> Int? {
        if let found = child(of: node, segment) { return found }
        guard !nodes[node].literals.isEmpty, segment.firstIndex(of: UInt8(ascii: "%")) != nil,
            let decoded = PercentEncoding.decode(segment)
        else { return nil }
        return child(of: node, decoded.span.bytes)
    }

    private func child(of node: Int, _ segment: RawSpan) -> Int? {
        let texts = texts.span.bytes
        for (text, child) in nodes[node].literals
        where text.count == segment.byteCount && texts.extracting(text.range).equals(segment) {
            return child
        }
        return nil
    }
}
