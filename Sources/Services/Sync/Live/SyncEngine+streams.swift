import Postgres
public import Reactor
import ReplicationWire
import Storage

extension SyncEngine {
    /// Takes in rows of a stream: as they arrive from replication, or on the main process as its services announce
    /// them. Rows of one stream must come in order; repeats do no harm.
    ///
    /// They are delivered soon after, together with what else arrives until then.
    public func streamAdvanced(_ batch: StreamBatch, on loop: isolated EventLoop) {
        if batch.stream == .caches { return forgetKeyCounts(batch) }
        guard inbox.add(batch), !isDelivering, !isShutDown else { return }
        isDelivering = true
        loop.spawn { await self.deliver(on: loop) }
    }

    private func deliver(on loop: isolated EventLoop) async {
        while inbox.hasMoved {
            let step = inbox
            inbox = StreamStep(after: step)
            let (news, unread) = await read(step, on: loop)
            var wave = Wave(engine: self, step: step, news: news, unread: unread)
            let told = wave.apply(on: loop)
            resumeReached(on: loop)
            if !peeks.isEmpty {
                resumePeeks(of: step.hasGap ? nil : Set(step.events.map(\.roomID)), on: loop)
            }
            recent.shrink()
            await send(&wave, to: told, on: loop)
            forgetIdleUsers(on: loop)
        }
        isDelivering = false
    }

    /// Answers those whom a wave concerns, in slices, so that everybody else is served in between.
    private func send(
        _ wave: inout Wave, to users: [TrackedUser], on loop: isolated EventLoop
    ) async {
        var count = 0
        for user in users {
            for delivery in wave.deliveries(to: user, on: loop) {
                if count == 0 { metrics.waves += 1 }
                if count > 0, count % options.waveSlice == 0 { await loop.nextTurn() }
                count += 1
                send(delivery, nextBatch: wave.step.position, on: loop)
            }
        }
    }

    private func send(
        _ delivery: Delivery, nextBatch: StreamToken, on loop: isolated EventLoop
    ) {
        let client = delivery.client
        if let answer = delivery.answer {
            metrics.deliveriesLive += 1
            self.answer(
                client.request, delivery.user, client.responder, answer, nextBatch: nextBatch,
                on: loop)
        } else if client.request.isSliding, let wait = client.responder as? SlidingWait {
            wait.wake(on: loop)
        } else {
            metrics.wakeupsGeneral += 1
            loop.spawn {
                await self.serve(
                    client.request, delivery.user, client.responder, until: client.deadline,
                    on: loop)
            }
        }
    }

    /// A client taken out of the parking, with its answer; without one it goes the general way.
    struct Delivery {
        let client: ParkedClient
        let user: TrackedUser
        let answer: SyncAnswer?
    }
}
