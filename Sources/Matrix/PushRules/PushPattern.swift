import JSON

/// A pattern or a plain text that is looked for in properties of events, whatever its case.
///
/// Takes time proportional to the length of the text, and a sixty-fourth of that of the pattern,
/// however hostile both are. Two letters are the same if Unicode's lower-case mapping says so.
///
/// Specification: client-server, "Conditions", `event_match`; appendices, "Glob-style matching".
public struct PushPattern: Hashable, Sendable {
    /// The pattern as it was written.
    public let text: String
    private let form: Form

    private enum Form: Sendable {
        case literal([UInt8])
        case automaton(Automaton)
        case never
    }

    /// A longer pattern matches nothing.
    static let scalarsMax = 1_024
    /// Of a longer literal the simple search might take too long.
    private static let literalBytesMax = 64

    /// Makes a pattern in which `*` stands for any text and `?` for any character.
    public init(_ pattern: String) {
        self.init(pattern, hasWildcards: pattern.utf8.contains { $0 == 0x2A || $0 == 0x3F })
    }

    /// Makes a pattern that matches nothing but a text.
    public init(literal text: String) {
        self.init(text, hasWildcards: false)
    }

    private init(_ text: String, hasWildcards: Bool) {
        self.text = text
        let lowered = text.lowercased()
        if !hasWildcards, lowered.utf8.count <= Self.literalBytesMax {
            form = .literal(Array(lowered.utf8))
        } else if lowered.unicodeScalars.count <= Self.scalarsMax {
            form = .automaton(Automaton(lowered.unicodeScalars, hasWildcards: hasWildcards))
        } else {
            form = .never
        }
    }

    /// Whether the pattern matches the whole text.
    func matches(whole text: LoweredText) -> Bool {
        switch form {
        case .literal(let bytes): bytes == text.bytes
        case .automaton(let automaton): automaton.matches(text.scalars, isWhole: true)
        case .never: false
        }
    }

    /// Whether the pattern matches a part of the text that starts and ends at word boundaries.
    func matches(wordsOf text: LoweredText) -> Bool {
        switch form {
        case .literal(let bytes): text.mayContain(bytes) && text.containsWords(bytes)
        case .automaton(let automaton): automaton.matches(text.scalars, isWhole: false)
        case .never: false
        }
    }

    /// Equality of the texts.
    public static func == (left: PushPattern, right: PushPattern) -> Bool {
        left.text.hasSameBytes(as: right.text)
            && left.isLiteral == right.isLiteral
    }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) { text.hashBytes(into: &hasher) }

    private var isLiteral: Bool {
        if case .automaton(let automaton) = form { !automaton.hasWildcards } else { true }
    }
}

/// A pattern's characters, of which it knows at once which it could have come to.
private struct Automaton: Sendable {
    /// Bit n of a set: the first n characters of the pattern have been matched.
    private typealias States = [UInt64]

    let hasWildcards: Bool
    private let count: Int
    /// For each character, the states in which it leads on.
    private var steps: [Unicode.Scalar: States] = [:]
    /// The states in which any character leads on.
    private var anyStep: States
    /// The states in which any character may be passed over.
    private var loops: States

    init(_ pattern: String.UnicodeScalarView, hasWildcards: Bool) {
        self.hasWildcards = hasWildcards
        let characters = pattern.filter { !hasWildcards || $0 != "*" }
        count = characters.count
        let none = States(repeating: 0, count: count / 64 + 1)
        anyStep = none
        loops = none
        var state = 0
        for character in pattern {
            if hasWildcards, character == "*" {
                loops.set(state)
            } else {
                if hasWildcards, character == "?" {
                    anyStep.set(state)
                } else {
                    steps[character, default: none].set(state)
                }
                state += 1
            }
        }
        for character in steps.keys {
            for index in none.indices { steps[character]?[index] |= anyStep[index] }
        }
    }

    func matches(_ text: [Unicode.Scalar], isWhole: Bool) -> Bool {
        var states = States(repeating: 0, count: anyStep.count)
        for position in 0...text.count {
            let isEdge =
                isWhole
                ? position == 0 || position == text.count
                : LoweredText.isBoundary(position, text.count) { text[$0].isWordCharacter }
            if isEdge, !isWhole || position == 0 { states.set(0) }
            if isEdge, !isWhole || position == text.count, states.contains(count) { return true }
            guard position < text.count else { break }
            advance(&states, over: text[position])
        }
        return false
    }

    private func advance(_ states: inout States, over character: Unicode.Scalar) {
        let step = steps[character] ?? anyStep
        var carry: UInt64 = 0
        for index in states.indices {
            let moved = states[index] & step[index]
            states[index] = states[index] & loops[index] | moved << 1 | carry
            carry = moved >> 63
        }
    }
}

extension [UInt64] {
    fileprivate mutating func set(_ bit: Int) { self[bit / 64] |= 1 << UInt64(bit % 64) }

    fileprivate func contains(_ bit: Int) -> Bool {
        self[bit / 64] & 1 << UInt64(bit % 64) != 0
    }
}
