internal import Logging
internal import Reactor
internal import Replication
internal import ReplicationWire
internal import Services
internal import Storage

/// Writes into the main process's log what happens to its workers, and hands on what they tell.
final class WorkerObserver: ReplicationServerDelegate {
    private let log: Logger
    private var services: MainServices?

    /// Does what workers ask for.
    weak var requests: (any WorkerRequests)?

    init(log: Logger) { self.log = log }

    /// Hands what workers tell to these services from now on.
    func start(_ services: MainServices) { self.services = services }

    func userSync(_ sync: UserSync, at peer: ReplicationPeer, on loop: isolated EventLoop) {
        services?.presence.workerSyncs(
            sync.userID, peer: peer.id, isSyncing: sync.isSyncing, at: sync.lastSyncMilliseconds,
            on: loop)
    }

    func usersGone(_ users: [String], at peer: ReplicationPeer, on loop: isolated EventLoop) {
        for userID in users {
            services?.presence.workerSyncs(
                userID, peer: peer.id, isSyncing: false, at: .max, on: loop)
        }
    }

    func received(
        _ command: ReplicationCommand, from peer: ReplicationPeer, on loop: isolated EventLoop
    ) {
        guard case .userIP(let seen) = command else {
            requests?.requested(command, by: peer, on: loop)
            return
        }
        services?.sightingWriter.seen(
            UserIPs.Sighting(
                userID: seen.userID, accessToken: seen.accessToken, deviceID: seen.deviceID,
                address: seen.ip, userAgent: seen.userAgent, time: seen.lastSeenMilliseconds),
            on: loop)
    }

    func connected(_ peer: ReplicationPeer, on loop: isolated EventLoop) {
        // Whoever looks whether the port is open comes by here too: a worker says its name.
        log.debug("Connection from \(peer.address.map { "\($0)" } ?? "a local socket")")
    }

    func disconnected(_ peer: ReplicationPeer, reason: String, on loop: isolated EventLoop) {
        let level: Logger.Level = peer.name == nil ? .debug : .info
        log.log(level: level, "Worker \(peer) has gone: \(reason)")
    }

    func errorReported(_ text: String, by peer: ReplicationPeer, on loop: isolated EventLoop) {
        log.error("Worker \(peer) reports: \(text)")
    }

    func sourceFailed(_ stream: StreamName, _ error: any Error, on loop: isolated EventLoop) {
        log.error("The missed rows of \(stream) could not be read: \(error)")
    }
}

/// What workers may ask of the main process.
protocol WorkerRequests: AnyObject {
    /// A worker asks for something: `FEDERATION_ACK`, `INVALIDATE_CACHE` and their like.
    func requested(
        _ command: ReplicationCommand, by peer: ReplicationPeer, on loop: isolated EventLoop)
}
