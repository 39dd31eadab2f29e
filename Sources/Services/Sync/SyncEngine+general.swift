import Reactor

/// A request that waits until this process has reached its token.
struct FutureWait {
    let number: UInt64
    let token: StreamToken
    let continuation: UnsafeContinuation<Void, Never>
    let timer: Timer
}

extension SyncEngine {
    /// The general path: computes answers from the database until there is something to tell, the time is up, or the
    /// client can be parked.
    func compute(
        _ request: SyncRequest, _ user: TrackedUser, _ responder: any SyncResponder,
        until deadline: Instant, on loop: isolated EventLoop
    ) async {
        var request = request
        if let since = request.since, !position.isAtLeast(since) {
            metrics.futureTokens += 1
            await reach(since, on: loop)
            responder.passed(.position, on: loop)
        }
        await enterGeneralLane(on: loop)
        responder.passed(.lane, on: loop)
        defer { leaveGeneralLane() }
        while true {
            guard !responder.isGone else { return finish(request, user, on: loop) }
            let now = position
            let generation = user.generation
            let result: GeneralSync.Result
            do {
                result = try await GeneralSync(request: request, now: now, engine: self)
                    .run(on: loop)
            } catch {
                finish(request, user, on: loop)
                return responder.fail(error, on: loop)
            }
            load(
                user, rooms: result.joinedRooms, ignored: result.ignored, generation: generation,
                at: now)
            if let answer = result.answer {
                metrics.deliveriesGeneral += 1
                return self.answer(
                    request, user, responder, answer, nextBatch: result.nextBatch, on: loop)
            }
            // Nothing up to `now`: from here on the client's token may as well say so.
            request.since = result.nextBatch
            if user.knowsNothingNew(since: result.nextBatch, position: position),
                keys(of: request, user) != nil
            {
                return park(request, user, responder, until: deadline, on: loop)
            }
            // A token that is still ahead of this process after the wait is answered with what is there.
            if deadline <= loop.now || isShutDown || !position.isAtLeast(result.nextBatch) {
                metrics.timeouts += 1
                return answer(
                    request, user, responder,
                    AnswerFrame.nothing(nextBatch: result.nextBatch, result.keys),
                    nextBatch: result.nextBatch, on: loop)
            }
            // Something happened meanwhile, or the user's rooms have to be read anew.
            if now == position { await loop.yield() }
        }
    }

    /// Waits, a bounded time, until everything up to `token` has arrived.
    private func reach(_ token: StreamToken, on loop: isolated EventLoop) async {
        guard !isShutDown else { return }
        futureNumber += 1
        let number = futureNumber
        let timer = loop.schedule(after: options.futureTimeout) {
            guard let index = self.future.firstIndex(where: { $0.number == number }) else { return }
            self.future.remove(at: index).continuation.resume()
        }
        await withUnsafeContinuation(isolation: loop) { continuation in
            future.append(
                FutureWait(
                    number: number, token: token, continuation: continuation, timer: timer))
        }
    }

    /// Resumes those whose token has been reached.
    func resumeReached(on loop: isolated EventLoop) {
        guard !future.isEmpty else { return }
        let waiting = future
        future = waiting.filter { !position.isAtLeast($0.token) }
        for wait in waiting where position.isAtLeast(wait.token) {
            loop.cancel(wait.timer)
            wait.continuation.resume()
        }
    }

    // MARK: The lane

    /// Only so many answers are computed at once; the others queue. Parked clients are not in this lane.
    func enterGeneralLane(on loop: isolated EventLoop) async {
        guard generalRunning >= options.generalConcurrencyMax else {
            generalRunning += 1
            return
        }
        await withUnsafeContinuation(isolation: loop) { generalWaiting.append($0) }
    }

    func leaveGeneralLane() {
        guard generalFirst < generalWaiting.count else {
            generalWaiting.removeAll(keepingCapacity: true)
            generalFirst = 0
            generalRunning -= 1
            return
        }
        // The place passes from hand to hand.
        let next = generalWaiting[generalFirst]
        generalFirst += 1
        if generalFirst > 256, generalFirst * 2 > generalWaiting.count {
            generalWaiting.removeFirst(generalFirst)
            generalFirst = 0
        }
        next.resume()
    }
}
