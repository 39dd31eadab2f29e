import Bytes
import JSON
import Reactor

/// Takes an answer of /sync for those who tell it in another form.
final class SyncCollector: SyncResponder {
    /// Answers are as large as their rooms; these were made here.
    private static let limits = JSON.Limits(bytesMax: 1 << 30)

    private var outcome: Result<SyncAnswer, any Error>?
    private var waiter: UnsafeContinuation<Void, Never>?

    /// Nobody tells; the wait is bounded anyway.
    var isGone: Bool { false }

    func answer(_ answer: SyncAnswer, on loop: isolated EventLoop) { settle(.success(answer)) }

    func fail(_ error: any Error, on loop: isolated EventLoop) { settle(.failure(error)) }

    func whenGone(_ body: @escaping () -> Void) {}

    private func settle(_ outcome: Result<SyncAnswer, any Error>) {
        self.outcome = outcome
        waiter.take()?.resume()
    }

    /// The body of the answer, once it is there.
    func body(on loop: isolated EventLoop) async throws -> JSON {
        while true {
            if let outcome {
                var bytes: [UInt8] = []
                for piece in try outcome.get().pieces {
                    piece.bytes.withUnsafeBytes { bytes.append(contentsOf: $0) }
                }
                return try JSON(parsing: bytes, limits: Self.limits)
            }
            await withUnsafeContinuation(isolation: loop) { waiter = $0 }
        }
    }
}
