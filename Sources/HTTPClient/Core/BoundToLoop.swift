internal import Reactor

/// Carries what lives on a loop through code that any thread may run, such as a cancellation handler.
final class BoundToLoop<Value>: @unchecked Sendable {
    // Safe to share: `loop` is an actor, and `value` is only used in tasks isolated to it, where it
    // lives.
    private let value: Value
    private let loop: EventLoop

    init(_ value: Value, _ loop: EventLoop) {
        self.value = value
        self.loop = loop
    }

    /// Runs `body` on the loop, soon.
    func submit(_ body: @escaping @Sendable (Value, isolated EventLoop) -> Void) {
        loop.submit { loop in body(self.value, loop) }
    }
}
