import Reactor

/// Somebody who waits for events of a room without being in it.
struct PeekWait {
    let number: UInt64
    let roomID: String
    let continuation: UnsafeContinuation<Void, Never>
    let timer: Timer
}

extension SyncEngine {
    /// Waits until this process has come past `position` with an event of a room, or the time is up.
    ///
    /// Whoever is in the room is woken by ``sync(_:answering:on:)``; this is for those who are not.
    func awaitEvents(
        of roomID: String, after position: Int64, until deadline: Instant,
        on loop: isolated EventLoop
    ) async {
        // If there was anything since the caller looked, the caller looks again.
        guard !isShutDown, deadline > loop.now, self.position.room == position else { return }
        peekNumber += 1
        let number = peekNumber
        let timer = loop.schedule(after: deadline - loop.now) {
            guard let index = self.peeks.firstIndex(where: { $0.number == number }) else { return }
            self.peeks.remove(at: index).continuation.resume()
        }
        await withUnsafeContinuation(isolation: loop) { continuation in
            peeks.append(
                PeekWait(number: number, roomID: roomID, continuation: continuation, timer: timer))
        }
    }

    /// Wakes those who wait for one of these rooms; without rooms everybody.
    func resumePeeks(of roomIDs: Set<String>?, on loop: isolated EventLoop) {
        guard !peeks.isEmpty else { return }
        let waiting = peeks
        func isMeant(_ peek: PeekWait) -> Bool { roomIDs?.contains(peek.roomID) ?? true }
        peeks = waiting.filter { !isMeant($0) }
        for peek in waiting where isMeant(peek) {
            loop.cancel(peek.timer)
            peek.continuation.resume()
        }
    }
}
