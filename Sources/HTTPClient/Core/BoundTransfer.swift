internal import Reactor

/// Carries a transfer through code that any thread may run, such as a cancellation handler, back to
/// its loop.
final class BoundTransfer: @unchecked Sendable {
    // Safe to share: `loop` is an actor, and `transfer` is only used in tasks isolated to it, where
    // it lives.
    private let transfer: HTTPTransfer
    private let loop: EventLoop

    init(_ transfer: HTTPTransfer) {
        self.transfer = transfer
        loop = transfer.core.loop
    }

    func cancelSoon() {
        loop.submit { loop in self.transfer.cancel(on: loop) }
    }
}
