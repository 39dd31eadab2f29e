internal import Logging
internal import Reactor
internal import Replication
internal import ReplicationWire

/// Writes into the main process's log what happens to its workers.
final class WorkerObserver: ReplicationServerDelegate {
    private let log: Logger

    init(log: Logger) { self.log = log }

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
