internal import Synchronization

/// Holds a value that one thread sets and another reads afterwards.
public final class Box<Value: Sendable>: Sendable {
    private let storage = Mutex<Value?>(nil)

    /// Empty.
    public init() {}

    /// The value, if it has been set.
    public var value: Value? { storage.withLock { $0 } }

    /// Sets it.
    public func set(_ value: Value) { storage.withLock { $0 = value } }
}
