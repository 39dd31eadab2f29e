internal import Bytes
internal import HTTPWire

/// The segments of a path, as slices of the head's bytes. On the stack, and not copied around.
struct PathSegments: ~Copyable {
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
            var slash = start
            while slash < end, bytes.byte(slash) != UInt8(ascii: "/") { slash += 1 }
            slices[count] = Slice(start, slash)
            count += 1
            guard slash < end else { return }
            start = slash + 1
        }
    }
}

/// All patterns of a router as a tree of segments. Finding a route allocates nothing unless the
/// path is percent-encoded where a pattern has a literal, and counts no references: the tree lies in
/// three arrays of numbers, in which lists are chains of indices.
struct RouteTrie: Sendable {
    private struct Node: Sendable {
        var literals = Chain()
        var parameter: Int32 = none
        /// Routes that end here.
        var entries = Chain()
        /// Routes whose rest begins here.
        var rests = Chain()
    }

    private struct Literal: Sendable {
        let text: Slice
        let node: Int32
        var next: Int32 = none
    }

    /// A route and the method it serves.
    private struct Entry: Sendable {
        let method: MethodCode
        let route: Int32
        var next: Int32 = none
    }

    private struct Chain: Sendable {
        var first: Int32 = none
        var last: Int32 = none
    }

    private static let none: Int32 = -1

    enum Outcome: Equatable {
        case found(Int)
        case methodNotAllowed([HTTPMethod])
        case notFound
    }

    private var nodes = [Node()]
    private var literals: [Literal] = []
    private var entries: [Entry] = []
    /// The texts of all literals.
    private var texts: [UInt8] = []
    private var methods = MethodCodes()

    /// Adds a route; a `nil` method serves all. Traps if another one has the same pattern and method.
    mutating func insert(_ pattern: RoutePattern, method: HTTPMethod?, route: Int) {
        let entry = Entry(method: method.map { methods.add($0) } ?? .any, route: Int32(route))
        insert(pattern.segments[...], at: 0, entry)
    }

    private mutating func insert(
        _ segments: ArraySlice<RoutePattern.Segment>, at node: Int, _ entry: Entry
    ) {
        guard let segment = segments.first else {
            nodes[node].entries = appended(entry, to: nodes[node].entries)
            return
        }
        let others = segments.dropFirst()
        switch segment {
        case .literal(let text): insert(others, at: literal(text, of: node), entry)
        case .alternatives(_, let texts):
            for text in texts { insert(others, at: literal(text, of: node), entry) }
        case .parameter:
            if nodes[node].parameter == RouteTrie.none {
                nodes[node].parameter = Int32(nodes.count)
                nodes.append(Node())
            }
            insert(others, at: Int(nodes[node].parameter), entry)
        case .rest: nodes[node].rests = appended(entry, to: nodes[node].rests)
        }
    }

    private mutating func appended(_ entry: Entry, to chain: Chain) -> Chain {
        var index = chain.first
        while index != RouteTrie.none {
            let other = entries[Int(index)]
            precondition(
                other.method != entry.method, "two routes have the same pattern and method")
            index = other.next
        }
        entries.append(entry)
        let added = Int32(entries.count - 1)
        guard chain.last != RouteTrie.none else { return Chain(first: added, last: added) }
        entries[Int(chain.last)].next = added
        return Chain(first: chain.first, last: added)
    }

    private mutating func literal(_ text: String, of node: Int) -> Int {
        let bytes = Array(text.utf8)
        if let known = child(of: node, bytes.span.bytes) { return known }
        let slice = Slice(texts.count, texts.count + bytes.count)
        texts.append(contentsOf: bytes)
        nodes.append(Node())
        literals.append(Literal(text: slice, node: Int32(nodes.count - 1)))
        let added = Int32(literals.count - 1)
        let last = nodes[node].literals.last
        if last == RouteTrie.none {
            nodes[node].literals.first = added
        } else {
            literals[Int(last)].next = added
        }
        nodes[node].literals.last = added
        return nodes.count - 1
    }

    // MARK: Finding

    /// Finds the route for a path. Literals go before parameters, parameters before rests; where
    /// the better pattern lacks the method, the next one is asked.
    func find(
        _ bytes: RawSpan, _ segments: borrowing PathSegments, method: HTTPMethod
    ) -> Outcome {
        let code = methods.code(of: method)
        var found = search(bytes, segments, at: 0, depth: 0, code)
        if found == nil, code == .head {
            // What can be got can be asked about.
            found = search(bytes, segments, at: 0, depth: 0, .get)
        }
        if let found { return .found(found) }
        var allowed: [HTTPMethod] = []
        _ = search(bytes, segments, at: 0, depth: 0, .none) { method in
            let method = methods.method(of: method)
            if !allowed.contains(method) { allowed.append(method) }
        }
        if allowed.isEmpty { return .notFound }
        if allowed.contains(.get), !allowed.contains(.head) { allowed.append(.head) }
        return .methodNotAllowed(allowed)
    }

    /// `served` is told of the methods of patterns that match.
    private func search(
        _ bytes: RawSpan, _ segments: borrowing PathSegments, at node: Int, depth: Int,
        _ method: MethodCode, _ served: ((MethodCode) -> Void)? = nil
    ) -> Int? {
        if depth == segments.count {
            guard !segments.isCut, depth > 0 else { return nil }
            return choose(nodes[node].entries, method, served)
        }
        let slice = segments.slices[depth]
        if let child = literalChild(of: node, bytes.slice(slice)),
            let found = search(bytes, segments, at: child, depth: depth + 1, method, served)
        {
            return found
        }
        // An empty segment is no value: `/rooms//state` names no room.
        let parameter = nodes[node].parameter
        if parameter != RouteTrie.none, slice.count > 0,
            let found = search(
                bytes, segments, at: Int(parameter), depth: depth + 1, method, served)
        {
            return found
        }
        return choose(nodes[node].rests, method, served)
    }

    private func choose(
        _ chain: Chain, _ method: MethodCode, _ served: ((MethodCode) -> Void)?
    ) -> Int? {
        var any: Int?
        var index = chain.first
        while index != RouteTrie.none {
            let entry = entries[Int(index)]
            if entry.method == method { return Int(entry.route) }
            if entry.method == .any { any = Int(entry.route) } else { served?(entry.method) }
            index = entry.next
        }
        return any
    }

    private func literalChild(of node: Int, _ segment: RawSpan) -> Int? {
        if let found = child(of: node, segment) { return found }
        guard nodes[node].literals.first != RouteTrie.none,
            segment.firstIndex(of: UInt8(ascii: "%")) != nil,
            let decoded = PercentEncoding.decode(segment)
        else { return nil }
        return child(of: node, decoded.span.bytes)
    }

    private func child(of node: Int, _ segment: RawSpan) -> Int? {
        var index = nodes[node].literals.first
        while index != RouteTrie.none {
            let literal = literals[Int(index)]
            if literal.text.count == segment.byteCount,
                texts.span.bytes.slice(literal.text).equals(segment)
            {
                return Int(literal.node)
            }
            index = literal.next
        }
        return nil
    }
}
