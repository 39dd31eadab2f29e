import Reactor

extension SyncEngine {
    /// Lets a client wait until something happens or its time is up.
    ///
    /// The caller has made sure that nothing after the client's token concerns it: that is what makes the next
    /// batch exactly what it lacks.
    func park(
        _ request: SyncRequest, _ user: TrackedUser, _ responder: any SyncResponder,
        until deadline: Instant, on loop: isolated EventLoop
    ) {
        assert(user.isLoaded)
        assert(request.since.map { user.knowsNothingNew(since: $0, position: position) } ?? false)
        guard !responder.isGone else { return finish(request, user, on: loop) }
        guard !isShutDown, deadline > loop.now else {
            metrics.timeouts += 1
            return answer(
                request, user, responder,
                AnswerFrame.nothing(nextBatch: position, keys(of: request, user)),
                nextBatch: position, on: loop)
        }
        parkedNumber += 1
        let number = parkedNumber
        let timer = loop.schedule(after: deadline - loop.now) {
            self.timeOut(number, user, on: loop)
        }
        user.parked.append(
            ParkedClient(
                number: number, request: request, responder: responder, timer: timer,
                deadline: deadline))
        metrics.parked += 1
        responder.whenGone { self.leave(number, user, on: loop) }
    }

    /// Takes all waiting clients of a user out, to be answered.
    func unparkAll(_ user: TrackedUser, on loop: isolated EventLoop) -> [ParkedClient] {
        let clients = user.parked
        user.parked.removeAll(keepingCapacity: true)
        metrics.parked -= clients.count
        for client in clients { loop.cancel(client.timer) }
        return clients
    }

    /// Takes those clients of a user out who waited when the latest wave began. Those who came since know its news.
    func unparkWaking(_ user: TrackedUser, on loop: isolated EventLoop) -> [ParkedClient] {
        user.isWaking = false
        guard let last = user.parked.last, last.number > wakingNumber else {
            return unparkAll(user, on: loop)
        }
        let later = user.parked.filter { $0.number > wakingNumber }
        user.parked.removeLast(later.count)
        metrics.parked -= later.count
        defer {
            user.parked = later
            metrics.parked += later.count
        }
        return unparkAll(user, on: loop)
    }

    private func unpark(
        _ number: UInt64, _ user: TrackedUser, on loop: isolated EventLoop
    ) -> ParkedClient? {
        guard let index = user.parked.firstIndex(where: { $0.number == number }) else {
            return nil
        }
        metrics.parked -= 1
        let client = user.parked.remove(at: index)
        loop.cancel(client.timer)
        return client
    }

    private func timeOut(_ number: UInt64, _ user: TrackedUser, on loop: isolated EventLoop) {
        // A wave is about to tell the client more.
        if user.isWaking, number <= wakingNumber { return }
        guard let client = unpark(number, user, on: loop) else { return }
        if client.request.isSliding {
            metrics.timeouts += 1
            return answer(
                client.request, user, client.responder,
                AnswerFrame.nothing(nextBatch: position, nil), nextBatch: position, on: loop)
        }
        guard let keys = keys(of: client.request, user) else {
            // Their number has changed meanwhile, and the answer says it.
            loop.spawn {
                await self.serve(
                    client.request, user, client.responder, until: client.deadline, on: loop)
            }
            return
        }
        metrics.timeouts += 1
        answer(
            client.request, user, client.responder,
            AnswerFrame.nothing(nextBatch: position, keys), nextBatch: position, on: loop)
        forgetIdleUsers(on: loop)
    }

    private func leave(_ number: UInt64, _ user: TrackedUser, on loop: isolated EventLoop) {
        guard let client = unpark(number, user, on: loop) else { return }
        finish(client.request, user, on: loop)
    }
}
