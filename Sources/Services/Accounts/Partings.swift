import Reactor
import Storage

/// Takes closed accounts out of their rooms, also those that a restart interrupted.
final class Partings {
    private let rooms: RoomService
    private let devices: DeviceService
    private var isRunning = false
    private var wantsMore = false

    init(rooms: RoomService, devices: DeviceService) {
        self.rooms = rooms
        self.devices = devices
    }

    /// Begins with whatever is pending, unless that is under way.
    func start(on loop: isolated EventLoop) {
        wantsMore = true
        guard !isRunning else { return }
        isRunning = true
        loop.spawn { await self.run(on: loop) }
    }

    private func run(on loop: isolated EventLoop) async {
        while wantsMore {
            wantsMore = false
            // What fails stays pending; the next deactivation or start of the process tries again.
            guard let pending = try? await Deactivations.pending(in: rooms.pool, on: loop) else {
                break
            }
            for userID in pending {
                do {
                    try await leaveAll(userID, on: loop)
                    try await Deactivations.finish(userID, in: rooms.pool, on: loop)
                } catch {
                    continue
                }
            }
        }
        isRunning = false
    }

    private func leaveAll(_ userID: String, on loop: isolated EventLoop) async throws {
        // The process may have ended right after the account was closed.
        try await devices.removeAll(userID: userID, on: loop)
        let sender = EventSender(userID: userID)
        let memberships = try await Memberships.memberships(
            userID: userID, in: rooms.pool, on: loop)
        for membership in memberships
        where ["join", "invite", "knock"].contains(membership.membership) {
            try await rooms.leave(
                membership.roomID, reason: nil, sender: sender, on: loop)
        }
    }
}
