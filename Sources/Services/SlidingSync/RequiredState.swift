import JSON

/// Which state of a room a client of sliding sync wants.
struct RequiredState: Sendable, Hashable {
    /// A type and a key, either of which may be `*` for any; `$ME` as a key stands for the asking user, and `$LAZY` for
    /// those who speak.
    struct Pair: Sendable, Hashable {
        let type: String
        let key: String
    }

    static let pairsMax = 1000
    static let member = "m.room.member"

    var pairs: Set<Pair> = []

    init() {}

    init(_ reader: SlidingReader) throws(MatrixError) {
        let given = reader.json["required_state"] ?? []
        guard let array = given.arrayValue, array.count <= Self.pairsMax else {
            throw .badJSON(
                "\(reader.path).required_state must be an array of at most \(Self.pairsMax) pairs")
        }
        for element in array {
            guard let pair = element.arrayValue, pair.count == 2, let type = pair[0].stringValue,
                let key = pair[1].stringValue
            else { throw .badJSON("\(reader.path).required_state must be pairs of strings") }
            pairs.insert(Pair(type: type, key: key))
        }
    }

    /// Whether members are told as they speak.
    var isLazy: Bool { pairs.contains(Pair(type: Self.member, key: "$LAZY")) }

    /// Whether all members are wanted, of whom there may be many.
    var wantsAllMembers: Bool {
        if pairs.contains(Pair(type: Self.member, key: "*")) { return true }
        return !isLazy
            && (pairs.contains(Pair(type: "*", key: "*")))
    }

    /// The members that are wanted by name.
    func namedMembers(me: String) -> [String] {
        var members: Set<String> = []
        for pair in pairs where pair.type == Self.member || pair.type == "*" {
            switch pair.key {
            case "*", "$LAZY", "": break
            case "$ME": members.insert(me)
            default: members.insert(pair.key)
            }
        }
        return members.sorted()
    }

    /// The types that may be wanted, apart from members; nil for any.
    var types: [String]? {
        var types: Set<String> = []
        for pair in pairs {
            if pair.type == "*" { return nil }
            if pair.type != Self.member { types.insert(pair.type) }
        }
        return types.sorted()
    }

    /// Whether a piece of state is wanted, `speakers` being those who speak.
    func wants(type: String, key: String, me: String, speakers: Set<String>) -> Bool {
        if type == Self.member {
            if wantsAllMembers || isLazy && speakers.contains(key) { return true }
            return namedMembers(me: me).contains(key)
        }
        let kinds = [type, "*"]
        var keys = [key, "*"]
        if key == me { keys.append("$ME") }
        return kinds.contains { kind in
            keys.contains { pairs.contains(Pair(type: kind, key: $0)) }
        }
    }
}
