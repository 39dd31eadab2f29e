/// A property that does not hold.
public struct Violation: Error, CustomStringConvertible {
    /// Which one, and the values that differ.
    public let description: String

    package init(description: String) { self.description = description }
}

package func require(
    _ holds: Bool, _ what: @autoclosure () -> String
) throws(Violation) {
    guard holds else { throw Violation(description: what()) }
}

/// Runs what must not fail.
package func expectSuccess<Value>(
    _ what: @autoclosure () -> String, _ body: () throws -> Value
) throws(Violation) -> Value {
    do {
        return try body()
    } catch {
        throw Violation(description: "\(what()): \(error)")
    }
}
