internal import Postgres
internal import Reactor

extension SyncEngine {
    /// Takes the general path, and takes the time.
    func serve(
        _ request: SyncRequest, _ user: TrackedUser, _ responder: any SyncResponder,
        until deadline: Instant, on loop: isolated EventLoop
    ) async {
        // A client that was parked and is computed for once more has been watched before.
        let inner = (responder as? SyncWatch)?.inner ?? responder
        let watch = SyncWatch(inner, request, self)
        await StatementClock.$current.withValue(watch.clock) {
            await compute(request, user, watch, until: deadline, on: loop)
        }
    }

    fileprivate func note(_ sync: SlowSync) {
        metrics.stageTimes += sync.times
        if sync.isInitial, sync.bytes != nil { metrics.initialAnswers += 1 }
        guard let threshold = options.slowThreshold, sync.total >= threshold else { return }
        metrics.slowAnswers += 1
        slowSync?(sync)
    }
}

/// Stands between the engine and a client while an answer is computed, and sees where the time goes. Once the
/// client is parked it only hands on.
private final class SyncWatch: SyncResponder {
    let inner: any SyncResponder
    let clock = StatementClock()
    /// Keeps the client, and so the watch, while it waits; it is asked only while it computes.
    private unowned let engine: SyncEngine
    private let userID: String
    private let deviceID: String?
    private let isInitial: Bool
    private let begun = Instant.now
    private var stageBegan: Instant
    private var times = SyncStageTimes()
    private var isParked = false

    init(_ inner: any SyncResponder, _ request: SyncRequest, _ engine: SyncEngine) {
        self.inner = inner
        self.engine = engine
        userID = request.userID
        deviceID = request.deviceID
        isInitial = request.since == nil
        stageBegan = begun
    }

    var isGone: Bool { inner.isGone }

    func passed(_ stage: SyncStage, on loop: isolated EventLoop) {
        let now = Instant.now
        switch stage {
        case .position: times.position = now - stageBegan
        case .lane: times.lane = now - stageBegan
        }
        stageBegan = now
    }

    func answer(_ answer: SyncAnswer, on loop: isolated EventLoop) {
        guard !isParked else { return inner.answer(answer, on: loop) }
        let computed = Instant.now
        inner.answer(answer, on: loop)
        times.writing = Instant.now - computed
        finish(computedAt: computed, bytes: answer.count)
    }

    func fail(_ error: any Error, on loop: isolated EventLoop) {
        inner.fail(error, on: loop)
        if !isParked { finish(computedAt: Instant.now, bytes: nil) }
    }

    func whenGone(_ body: @escaping () -> Void) {
        // Only those are asked about who are parked.
        isParked = true
        inner.whenGone(body)
    }

    private func finish(computedAt computed: Instant, bytes: Int?) {
        times.sql = clock.time
        times.building = max(.zero, computed - begun - times.position - times.lane - times.sql)
        engine.note(
            SlowSync(
                userID: userID, deviceID: deviceID, isInitial: isInitial, times: times,
                statements: clock.count, bytes: bytes))
    }
}
