/// Why the rules of a room do not allow an event.
public struct AuthError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The rule by its number in the room version's "Authorisation rules", such as `4.3.2`.
    public let rule: String
    /// What the rule asks for.
    public let reason: String

    /// Makes an error.
    public init(rule: String, reason: String) {
        self.rule = rule
        self.reason = reason
    }

    /// The reason with its rule.
    public var description: String { "\(reason) (rule \(rule))" }
}
