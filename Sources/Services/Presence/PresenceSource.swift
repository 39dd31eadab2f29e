import Configuration
import Storage

/// What users and clients say of being there.
public enum PresenceState: String, Sendable, Hashable {
    /// There.
    case online
    /// There, but away from the keyboard.
    case unavailable
    /// Not there.
    case offline
}

/// Where a user is connected.
enum PresenceSource: Hashable {
    /// A device that syncs at the main process, or that said where its user is.
    case device(String)
    /// A worker's connection, by its number.
    case worker(Int)
    /// Somewhere before the process started, where the user may still be.
    case formerly
}

/// A place where a user is connected, or was lately.
struct PresenceConnection {
    var state: PresenceState
    /// The requests that are open; without any it counts for a while after it was last seen.
    var requests = 0
    /// When it was last seen, in milliseconds since 1970.
    var lastSeen: Int64
}

/// A user of whom something is known.
final class PresenceUser {
    /// What the others were told.
    var told: PresenceStates.Presence
    var connections: [PresenceSource: PresenceConnection] = [:]
    /// When the user last did something.
    var lastActive: Int64
    var statusMessage: String?
    var isTimed = false

    init(_ told: PresenceStates.Presence) {
        self.told = told
        lastActive = told.lastActive
        statusMessage = told.statusMessage
    }

    /// What holds at a moment, and when that may change by itself.
    func current(
        at now: Int64, _ timing: PresenceTiming
    ) -> (presence: PresenceStates.Presence, next: Int64?) {
        var next: Int64?
        func wake(_ time: Int64) { next = min(next ?? time, time) }
        var state = PresenceState.offline
        let offline = timing.offline.milliseconds
        for (source, connection) in connections {
            guard connection.requests > 0 || now - connection.lastSeen < offline else {
                connections[source] = nil
                continue
            }
            if connection.requests == 0 { wake(connection.lastSeen + offline) }
            switch connection.state {
            case .online: state = .online
            case .unavailable: if state == .offline { state = .unavailable }
            case .offline: break
            }
        }
        let quiet = now - lastActive
        if state == .online {
            if quiet >= timing.idle.milliseconds {
                state = .unavailable
            } else {
                wake(lastActive + timing.idle.milliseconds)
            }
        }
        var presence = told
        presence.state = state.rawValue
        presence.lastActive = lastActive
        presence.statusMessage = statusMessage
        presence.lastSync = connections.values.map(\.lastSeen).max() ?? told.lastSync
        presence.isCurrentlyActive = state == .online && quiet < timing.active.milliseconds
        if presence.isCurrentlyActive { wake(lastActive + timing.active.milliseconds) }
        return (presence, next)
    }
}
