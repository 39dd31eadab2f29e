public import Reactor

/// Lets one task at a time into a section that suspends, in the order of arrival.
///
/// Lives on one loop.
public final class AsyncLock {
    private var isHeld = false
    private var waiting: [UnsafeContinuation<Void, Never>] = []
    private var first = 0

    /// An open lock.
    public init() {}

    /// Whether nobody holds it.
    public var isFree: Bool { !isHeld }

    /// Returns when nobody who came earlier is inside.
    ///
    /// Must be followed by ``release(on:)``.
    public func acquire(on loop: isolated EventLoop) async {
        guard isHeld else {
            isHeld = true
            return
        }
        await withUnsafeContinuation(isolation: loop) { waiting.append($0) }
    }

    /// Lets the next one in.
    public func release(on loop: isolated EventLoop) {
        guard first < waiting.count else {
            waiting.removeAll(keepingCapacity: true)
            first = 0
            isHeld = false
            return
        }
        // The lock passes from hand to hand: it never looks free to somebody who comes later.
        let next = waiting[first]
        first += 1
        if first > 64, first * 2 > waiting.count {
            waiting.removeFirst(first)
            first = 0
        }
        next.resume()
    }

    /// Runs `body` inside the lock.
    public func with<Result>(
        on loop: isolated EventLoop, _ body: () async throws -> Result
    ) async throws -> Result {
        await acquire(on: loop)
        defer { release(on: loop) }
        return try await body()
    }
}
