internal import Synchronization

extension EventLoop {
    /// Has `body` run on the loop, in the order of the calling thread's posts and submissions. Any
    /// thread; wakes the loop if it sleeps, at most once per sleep.
    ///
    /// A message costs an allocation and an atomic operation: several times less than the task of
    /// ``submit(_:)``, and takes no lock. It is what to send from loop to loop. Returns false, and
    /// never runs `body`, if the loop has stopped; if it is just stopping, `body` may be let go
    /// with the loop, likewise without having run.
    @discardableResult
    public nonisolated func post(_ body: @escaping @Sendable (isolated EventLoop) -> Void) -> Bool {
        executor.post(body)
    }
}

/// Names a value that each loop may have one of: what handlers of several loops need but must not
/// share, such as a pool of connections per loop.
///
/// ```swift
/// let pools = LoopLocal<Pool>()
/// for loop in group.loops { loop.post { loop in pools.set(Pool(on: loop), on: loop) } }
/// ```
///
/// A value never leaves its loop; it goes when it is replaced or the loop stops.
public struct LoopLocal<Value>: Sendable {
    private let number = LoopLocalNumbers.last.add(1, ordering: .relaxed).newValue

    /// A name that no loop has a value for yet.
    public init() {}

    /// The loop's value, or `nil` if none was set.
    public func get(on loop: isolated EventLoop) -> Value? { loop.locals[number] as? Value }

    /// Sets the loop's value; `nil` removes it. On a loop that has stopped it does nothing.
    public func set(_ value: Value?, on loop: isolated EventLoop) {
        guard !loop.isStopped || value == nil else { return }
        loop.locals[number] = value
    }
}

/// Numbers of ``LoopLocal``s are never used twice. A generic type cannot hold the counter.
private enum LoopLocalNumbers {
    static let last = Atomic<UInt64>(0)
}
