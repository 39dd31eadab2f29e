/// Builds the tree of one document out of events, within limits.
struct Composer: ~Copyable {
    private var events: EventStream
    private let file: String
    private let limits: LoadLimits
    /// Finished anchors.
    ///
    /// An alias to an unfinished one would be a tree that contains itself.
    private var anchors: [String: (node: Node, weight: Int)] = [:]
    private var nodesSeen = 0
    private(set) var duplicateKeys: [LoadError] = []

    init(_ bytes: [UInt8], file: String, limits: LoadLimits) throws(LoadError) {
        guard bytes.count <= limits.bytesMax else {
            throw LoadError(
                "is larger than \(limits.bytesMax) bytes", at: SourcePosition(file: file))
        }
        events = try EventStream(bytes, file: file)
        self.file = file
        self.limits = limits
    }

    /// The single document of the text; an empty text is null.
    mutating func document() throws(LoadError) -> Node {
        var root: Node?
        while true {
            let event = try events.next()
            switch event.kind {
            case .streamStart, .documentEnd: continue
            case .streamEnd:
                return root ?? Node(.null, at: SourcePosition(file: file, line: 1, column: 1))
            case .documentStart:
                guard root == nil else {
                    throw LoadError(
                        "a second document begins here, expected only one", at: event.position)
                }
                root = try node(try events.next(), depth: 0)
            case .alias, .scalar, .sequenceStart, .sequenceEnd, .mappingStart, .mappingEnd:
                throw LoadError("unexpected content", at: event.position)
            }
        }
    }

    private mutating func node(_ event: Event, depth: Int) throws(LoadError) -> Node {
        guard depth <= limits.depthMax else {
            throw LoadError("is nested more than \(limits.depthMax) deep", at: event.position)
        }
        if case .alias = event.kind { return try alias(event) }
        let before = nodesSeen
        try count(1, at: event.position)
        let made: Node
        switch event.kind {
        case .scalar(let text, let isPlain):
            let content = try resolve(text, isPlain: isPlain, tag: event.tag, at: event.position)
            made = Node(content, text: text, at: event.position)
        case .sequenceStart:
            made = try sequence(event, depth: depth)
        case .mappingStart:
            made = try mapping(event, depth: depth)
        case .alias, .streamStart, .streamEnd, .documentStart, .documentEnd, .sequenceEnd,
            .mappingEnd:
            throw LoadError("unexpected end of content", at: event.position)
        }
        if let anchor = event.anchor { anchors[anchor] = (made, nodesSeen - before) }
        return made
    }

    private mutating func alias(_ event: Event) throws(LoadError) -> Node {
        let name = event.anchor ?? ""
        guard let target = anchors[name] else {
            throw LoadError(
                "the alias *\(name) has no finished anchor before it", at: event.position)
        }
        // Sharing makes an alias cheap to hold, but whoever walks the tree pays for every copy.
        try count(target.weight, at: event.position)
        return target.node
    }

    private mutating func count(_ nodes: Int, at position: SourcePosition) throws(LoadError) {
        nodesSeen += nodes
        guard nodesSeen <= limits.nodesMax else {
            throw LoadError("has more than \(limits.nodesMax) values", at: position)
        }
    }

    private mutating func sequence(_ start: Event, depth: Int) throws(LoadError) -> Node {
        try expect(tag: start.tag, oneOf: ["tag:yaml.org,2002:seq", "!"], at: start.position)
        var elements: [Node] = []
        while true {
            let event = try events.next()
            if case .sequenceEnd = event.kind { break }
            elements.append(try node(event, depth: depth + 1))
        }
        return Node(.sequence(elements), at: start.position)
    }

    private mutating func mapping(_ start: Event, depth: Int) throws(LoadError) -> Node {
        try expect(tag: start.tag, oneOf: ["tag:yaml.org,2002:map", "!"], at: start.position)
        var own: [(key: Node, value: Node)] = []
        var merged = Mapping()
        while true {
            let event = try events.next()
            if case .mappingEnd = event.kind { break }
            let isMerge = event.isMergeKey
            let key = try node(event, depth: depth + 1)
            let value = try node(try events.next(), depth: depth + 1)
            if isMerge {
                try merge(value, into: &merged)
                continue
            }
            if key.sequence != nil || key.mapping != nil {
                throw LoadError("\(key.summary) cannot be a key", at: key.position)
            }
            own.append((key, value))
        }
        var seen = Mapping()
        for (key, value) in own {
            if let former = seen.set(key, value) {
                duplicateKeys.append(
                    LoadError(
                        "\(key.text): is given twice, the one of line \(former.key.position.line) "
                            + "is not used", at: key.position))
            }
            merged.set(key, value)
        }
        return Node(.mapping(merged), at: start.position)
    }

    /// `<<` takes a mapping, or a list of mappings of which an earlier one wins.
    private mutating func merge(_ value: Node, into merged: inout Mapping) throws(LoadError) {
        let sources = value.sequence ?? [value]
        for source in sources.reversed() {
            guard let mapping = source.mapping else {
                throw LoadError(
                    "<<: \(source.summary) cannot be merged, expected a mapping or a list of them",
                    at: source.position)
            }
            try count(mapping.count, at: source.position)
            for entry in mapping.entries { merged.set(entry.key, entry.value) }
        }
    }

    private func expect(
        tag: String?, oneOf allowed: [String], at position: SourcePosition
    ) throws(LoadError) {
        guard let tag, !allowed.contains(tag) else { return }
        throw LoadError("the tag \(tag) is not supported here", at: position)
    }
}

extension Event {
    /// Only a plain, untagged `<<` merges; a quoted one is an ordinary key.
    fileprivate var isMergeKey: Bool {
        guard case .scalar("<<", isPlain: true) = kind else { return false }
        return tag == nil || tag == "tag:yaml.org,2002:merge"
    }
}
