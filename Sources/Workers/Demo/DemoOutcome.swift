internal import Synchronization

/// Carries the demo's failure from its loop to whoever ran it.
final class DemoOutcome: Sendable {
    private let state = Mutex<String?>(nil)

    var failure: String? { state.withLock { $0 } }

    func set(_ failure: String?) { state.withLock { $0 = failure } }
}
