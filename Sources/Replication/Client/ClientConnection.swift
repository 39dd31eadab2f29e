import Bytes
import Reactor
import ReplicationWire

/// One of a client's connections, from connect to close.
final class ClientConnection: ChannelHandler {
    let channel: Channel
    private let client: ReplicationClient
    private var splitter = LineSplitter()
    /// Set when the client has turned away; what still comes is nobody's.
    var hasEnded = false

    init(_ channel: Channel, client: ReplicationClient) {
        self.channel = channel
        self.client = client
    }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        guard !hasEnded else { return }
        do throws(LineSplitter.Violation) {
            try splitter.split(bytes) { line in
                client.received(line, on: loop)
                return !hasEnded
            }
        } catch {
            client.close(.notLines(error), on: loop)
        }
    }

    func inputEnded(_ channel: Channel, on loop: isolated EventLoop) {
        client.ended(self, reason: "closed by the main", kind: "closed_by_peer", on: loop)
        channel.close(on: loop)
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        client.ended(
            self, reason: "connection lost: \(reason)", kind: "connection_lost", on: loop)
    }
}
