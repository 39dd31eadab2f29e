internal import Logging
internal import Reactor
internal import Replication
internal import ReplicationWire
internal import Services

/// Hands what replication brings to the services of a worker, and writes into its log how it goes.
final class StreamFollower: ReplicationClientDelegate {
    private let log: Logger

    init(log: Logger) { self.log = log }

    func rows(
        _ stream: StreamName, _ rows: [ReplicationRow], position: Int64,
        on loop: isolated EventLoop
    ) {
    }

    func positionChanged(
        _ stream: StreamName, to position: Int64, on loop: isolated EventLoop
    ) {
    }

    func streamReset(_ stream: StreamName, on loop: isolated EventLoop) {
        log.info("The main process has started the stream \(stream) again")
    }

    func streamSkipped(_ stream: StreamName, to position: Int64, on loop: isolated EventLoop) {
        log.error("Fell too far behind in \(stream): reading up to \(position) from the database")
    }

    func connected(on loop: isolated EventLoop) { log.info("Connected to the main process") }

    func disconnected(reason: String, on loop: isolated EventLoop) {
        log.warning("The connection to the main process is gone: \(reason)")
    }

    func connectionFailed(_ error: any Error, on loop: isolated EventLoop) {
        log.warning("Cannot reach the main process: \(error)")
    }

    func errorReported(_ text: String, on loop: isolated EventLoop) {
        log.error("The main process reports: \(text)")
    }
}
