/// Names what ``EventLoop/onStop(_:)`` was given.
public struct StopObserver: Sendable, Hashable {
    fileprivate let number: UInt64
}

/// What wants to be told that a loop stops.
struct StopObservers {
    private var bodies: [StopObserver: () -> Void] = [:]
    private var made: UInt64 = 0

    fileprivate mutating func add(_ body: @escaping () -> Void) -> StopObserver {
        made += 1
        let observer = StopObserver(number: made)
        bodies[observer] = body
        return observer
    }

    fileprivate mutating func remove(_ observer: StopObserver) { bodies[observer] = nil }

    /// Takes out everything, in the order in which it came.
    mutating func takeAll() -> [() -> Void] {
        defer { bodies = [:] }
        return bodies.sorted { $0.key.number < $1.key.number }.map(\.value)
    }
}

extension EventLoop {
    /// Calls `body` on the loop when it stops, before its channels and watches are closed; never on
    /// a loop that has stopped already.
    ///
    /// It is for libraries whose callers wait for something that only a running loop can bring:
    /// `body` tells them that it will not come.
    public func onStop(_ body: @escaping () -> Void) -> StopObserver { stopObservers.add(body) }

    /// Forgets what ``onStop(_:)`` was given; does nothing once it was called.
    public func cancel(_ observer: StopObserver) { stopObservers.remove(observer) }
}
