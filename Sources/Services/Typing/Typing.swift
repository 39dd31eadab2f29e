public import Reactor
import ReplicationWire

/// Who is typing where. In memory, on the main process; the serial starts at 0 with it.
public final class Typing {
    private struct Member {
        let timer: Timer
    }

    private let publisher: any StreamPublisher
    private var rooms: [String: [String: Member]] = [:]
    private var serials: [String: Int64] = [:]
    /// Rises by one with each change.
    public private(set) var serial: Int64 = 0

    /// Longer announcements are cut to this.
    static let timeoutMax = Duration.seconds(120)

    /// Nobody is typing.
    public init(publisher: any StreamPublisher) {
        self.publisher = publisher
    }

    /// Notes that a user, who is in the room, types until `timeout` passes.
    public func start(
        userID: String, roomID: String, timeout: Duration, on loop: isolated EventLoop
    ) {
        let timer = loop.schedule(after: min(timeout, Self.timeoutMax)) {
            self.stop(userID: userID, roomID: roomID, on: loop)
        }
        let known = rooms[roomID, default: [:]].updateValue(Member(timer: timer), forKey: userID)
        if let known {
            loop.cancel(known.timer)
        } else {
            announce(roomID, on: loop)
        }
    }

    /// Notes that a user types no more.
    public func stop(userID: String, roomID: String, on loop: isolated EventLoop) {
        guard let member = rooms[roomID]?.removeValue(forKey: userID) else { return }
        loop.cancel(member.timer)
        if rooms[roomID]?.isEmpty == true { rooms[roomID] = nil }
        announce(roomID, on: loop)
    }

    /// Who is typing in a room, in order of their ids.
    public func userIDs(in roomID: String, on loop: isolated EventLoop) -> [String] {
        rooms[roomID]?.keys.sorted() ?? []
    }

    /// The rooms in which something changed after a serial, with their serial, oldest change first.
    public func changes(
        after serial: Int64, on loop: isolated EventLoop
    ) -> [(serial: Int64, roomID: String)] {
        serials.filter { $0.value > serial }.map { ($0.value, $0.key) }.sorted { $0.0 < $1.0 }
    }

    private func announce(_ roomID: String, on loop: isolated EventLoop) {
        serial += 1
        serials[roomID] = serial
        let row = TypingStreamRow(roomID: roomID, userIDs: userIDs(in: roomID, on: loop))
        publisher.publish(.typing, token: serial, rows: [.typing(row)], on: loop)
    }
}
